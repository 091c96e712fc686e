-- Returns the rooms a user is subscribed to, those used last first.
-- KEYS as in room-subscribe.lua
-- Returns {roomid, read, roomid, read, …}.

local rooms = redis.call('ZRANGE', KEYS[2], 0, -1, 'REV')
if #rooms == 0 then
  return {}
end
local markers = redis.call('HMGET', KEYS[1], unpack(rooms))
local list = {}
for index, roomid in ipairs(rooms) do
  list[2 * index - 1] = roomid
  list[2 * index] = markers[index] or '0'
end
return list

-- Takes a user out of the room on this instance, or only sets the instance's number of connections.
-- KEYS, ARGV[1..8] as in roster-room.lua   ARGV[9] connections   ARGV[10] user id, '' to remove no user
-- Returns {users, connections, changed, wait, vacant}. changed: 1 if no other instance has the user in the room. wait: as in
-- roster-enter.lua. vacant: 1 if this instance has nothing left in the room.
-- An instance that is not in the room stays out: this may be the last command of a dead one that was reaped already.

local changed = 0
if ARGV[10] ~= '' then
  local person = redis.call('HGET', KEYS[4], ARGV[10])
  redis.call('HDEL', KEYS[4], ARGV[10])
  changed = takeOut(ARGV[10], person)
  if changed == 1 then
    addChange('-', ARGV[10], person or '0\0')
  end
end

local vacant = ARGV[9] == '0' and redis.call('EXISTS', KEYS[4]) == 0
if vacant then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  -- `pcall`, because a full Redis rejects this write, and the departure above must still be returned.
  redis.pcall('HSET', KEYS[1], ARGV[1], ARGV[9])
end
local users, clients = countRoom()
return { users, clients, changed, notifyRoom(users, clients), vacant and 1 or 0 }

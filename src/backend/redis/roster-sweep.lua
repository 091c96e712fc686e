-- Takes a dead boot out of one room.
-- KEYS, ARGV[1..2] as in roster-room.lua
-- Answers {id, user, id, user, …} of those who are now gone from the room. Whoever runs it second gets none.

local users = redis.call('HGETALL', KEYS[4])
redis.call('DEL', KEYS[4])
redis.call('HDEL', KEYS[1], ARGV[1])
local gone = {}
for index = 1, #users, 2 do
  if takeOut(users[index], users[index + 1]) == 1 then
    gone[#gone + 1] = users[index]
    gone[#gone + 1] = users[index + 1]
  end
end
return gone

-- Takes a dead boot out of one room.
-- KEYS as in roster-enter.lua   ARGV[1] boot   ARGV[2] what the third key of any boot begins with
-- Answers {id, JSON, id, JSON, …} of the users who are now gone from the room. Whoever runs it second gets none.

local users = redis.call('HGETALL', KEYS[3])
redis.call('DEL', KEYS[3])
redis.call('HDEL', KEYS[1], ARGV[1])
local boots = redis.call('HKEYS', KEYS[1])
local gone = {}
for index = 1, #users, 2 do
  local elsewhere = false
  for _, boot in ipairs(boots) do
    elsewhere = elsewhere or redis.call('HEXISTS', ARGV[2] .. boot, users[index]) == 1
  end
  if not elsewhere and redis.call('SREM', KEYS[2], users[index]) == 1 then
    gone[#gone + 1] = users[index]
    gone[#gone + 1] = users[index + 1]
  end
end
return gone

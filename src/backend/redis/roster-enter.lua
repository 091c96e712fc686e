-- A user is in the room on this boot, which has that many connections in it.
-- KEYS, ARGV[1..3] as in roster-room.lua   ARGV[4] connections   ARGV[5] user id   ARGV[6] username
-- ARGV[7] the user as the fourth key holds them
-- Answers {users, connections, changed}; changed: the user was in the room nowhere before.

local before = redis.call('HGET', KEYS[4], ARGV[5])
redis.call('HSET', KEYS[4], ARGV[5], ARGV[7])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
local changed = redis.call('ZADD', KEYS[2], 0, ARGV[5])
local oldName = before and string.match(before, '^[^%z]*')
if oldName and oldName ~= ARGV[6] then
  local _, named = elsewhere(ARGV[5], oldName)
  if not named then
    redis.call('ZREM', KEYS[3], oldName .. '\0' .. ARGV[5])
  end
end
redis.call('ZADD', KEYS[3], 0, ARGV[6] .. '\0' .. ARGV[5])
local users, clients = countRoom()
return { users, clients, changed }

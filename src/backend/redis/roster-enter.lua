-- A user is in the room on this boot, which has that many connections in it.
-- KEYS[1..4], ARGV[1..3] as in roster-room.lua   KEYS[5] as in restricted.lua   ARGV[4] connections   ARGV[5] user id   ARGV[6] username
-- ARGV[7] the user as the fourth key holds them   ARGV[8] most connections the room may be brought to, 0: any number
-- Answers {users, connections, changed, refused, left}; changed: the user was in the room nowhere before;
-- refused: 1 banned, for so long still (ms, 0 for no end), 2 the room is full; then nothing was done.

local ends = redis.call('ZSCORE', KEYS[5], 'ban:' .. ARGV[5])
local left = ends and leftOf(ends, clock())
if left then
  return { 0, 0, 0, 1, left }
end

local most = tonumber(ARGV[8])
if most > 0 then
  local added = ARGV[4] - (redis.call('HGET', KEYS[1], ARGV[1]) or 0)
  local total = added
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
    total = total + count
  end
  if added > 0 and total > most then
    return { 0, 0, 0, 2, 0 }
  end
end

local before = redis.call('HGET', KEYS[4], ARGV[5])
redis.call('HSET', KEYS[4], ARGV[5], ARGV[7])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
local changed = redis.call('ZADD', KEYS[2], 0, ARGV[5])
local oldName = before and nameOf(before)
if oldName and oldName ~= ARGV[6] then
  local _, named = elsewhere(ARGV[5], oldName)
  if not named then
    redis.call('ZREM', KEYS[3], oldName .. '\0' .. ARGV[5])
  end
end
redis.call('ZADD', KEYS[3], 0, ARGV[6] .. '\0' .. ARGV[5])
local users, clients = countRoom()
return { users, clients, changed, 0, 0 }

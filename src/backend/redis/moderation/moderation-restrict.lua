-- Bans a user from a room or mutes the user there, or lifts that.
-- KEYS[1] as in restricted.lua   ARGV[1] `ban:USER` or `mute:USER`
-- ARGV[2] duration, ms; 'inf' until it is lifted, '0' to lift it, '@' and a time to end then, unless it ends later already
-- ARGV[3] the user id   ARGV[4] its hash, see hashed-restrictions.lua   ARGV[5] the most restrictions, 'inf' for any number
-- Returns when the restriction ends, ms, 0 for never, -1 if there are too many already. When it lifts one, it returns 1, or 0 if
-- there was none.
-- Every change removes the expired restrictions, and the key expires with the last one.

adoptHashed(KEYS[1], ARGV[3], ARGV[4])
local now = clock()
local result
if ARGV[2] == '0' then
  result = leftOf(redis.call('ZSCORE', KEYS[1], ARGV[1]), now) and 1 or 0
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  if
    ARGV[5] ~= 'inf'
    and not redis.call('ZSCORE', KEYS[1], ARGV[1])
    and redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now), 'inf') >= tonumber(ARGV[5])
  then
    return -1
  end
  local ends
  if string.sub(ARGV[2], 1, 1) == '@' then
    ends = string.sub(ARGV[2], 2)
    redis.call('ZADD', KEYS[1], 'GT', ends, ARGV[1])
  else
    ends = ARGV[2] == 'inf' and 'inf' or string.format('%.0f', now + ARGV[2])
    redis.call('ZADD', KEYS[1], ends, ARGV[1])
  end
  result = tonumber(ARGV[2] == 'inf' and '0' or ends)
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last == 'inf' then
  redis.call('PERSIST', KEYS[1])
elseif last then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
end
return result

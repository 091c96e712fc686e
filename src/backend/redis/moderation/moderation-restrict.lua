-- Restricts a user in a room, or lifts that.
-- KEYS[1] as in restricted.lua   ARGV[1] `ban:USER` or `mute:USER`
-- ARGV[2] for how long, ms; 'inf' until it is lifted, '0' to lift it
-- Answers when it ends, 0 for no end; of one that is lifted 1, or 0 if there was none.
-- Those that are over go whenever the list changes, and the key with the last of them.

local now = clock()
local answer
if ARGV[2] == '0' then
  answer = leftOf(redis.call('ZSCORE', KEYS[1], ARGV[1]), now) and 1 or 0
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  local ends = ARGV[2] == 'inf' and 'inf' or string.format('%.0f', now + ARGV[2])
  redis.call('ZADD', KEYS[1], ends, ARGV[1])
  answer = tonumber(ARGV[2] == 'inf' and '0' or ends)
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last == 'inf' then
  redis.call('PERSIST', KEYS[1])
elseif last then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
end
return answer

-- Ends the reaping of a dead instance: it stays listed as fenced and reaped for one lease more, then it is no longer listed.
-- Its last commands count nowhere meanwhile, and the second reap takes them out.
-- KEYS[1] instances, as in roster-heartbeat.lua   KEYS[2..4] and ARGV[1] as in roster-time.lua   KEYS[5] as in roster-earlier.lua
-- ARGV[2] instance id   ARGV[3] lease, ms
-- Returns 1 if the instance is no longer listed.

local record = redis.call('HGET', KEYS[1], ARGV[2])
local now = clusterTime()
local lease = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[2]) or '')
local over = lease and math.abs(lease) <= now
if not record or over and string.find(record, '^%-%d+ swept') then
  redis.call('HDEL', KEYS[1], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('ZREM', KEYS[4], ARGV[2])
  if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[3], KEYS[5])
  end
  return 1
end
local host = string.match(record, '^%-?%d+ %S+ (.*)$') or ''
redis.call('HSET', KEYS[1], ARGV[2], '-' .. integer(clock() + ARGV[3]) .. ' swept ' .. host)
redis.call('ZADD', KEYS[2], integer(-now - ARGV[3]), ARGV[2])
return 0

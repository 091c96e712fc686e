-- Ends the reaping of a dead instance: it stays listed as fenced and reaped for one lease more, then it is no longer listed.
-- Its last commands count nowhere meanwhile, and the second reap takes them out.
-- KEYS[1] instances, as in roster-heartbeat.lua   ARGV[1] instance id   ARGV[2] lease, ms
-- ARGV[3] its record if that has stood for a lease by the caller's clock, otherwise ''
-- Returns 1 if the instance is no longer listed.

local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then
  return 1
end
if record == ARGV[3] then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 1
end
local host = string.match(record, '^%-?%d+ %S+ (.*)$') or ''
redis.call('HSET', KEYS[1], ARGV[1], '-' .. string.format('%.0f', clock() + ARGV[2]) .. ' swept ' .. host)
return 0

-- A dead instance was reaped. It stays listed as fenced for one lease more: what it had still under way counts nowhere then,
-- and is found when that lease is over and it is reaped once more.
-- KEYS[1] instances, as in roster-heartbeat.lua   ARGV[1] instance id   ARGV[2] lease, ms
-- ARGV[3] its record, if it stood there for that lease, by the clock of who asks; else ''
-- Answers 1 if it is no longer listed.

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

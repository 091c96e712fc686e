-- Extends the lease of an instance that hangs, for its primary, which will replace it.
-- KEYS[1] instances, as in roster-heartbeat.lua   ARGV[1] instance id   ARGV[2] lease, ms
-- Returns 1 if the lease is extended, 0 if the instance is not listed, is fenced, or has sent no heartbeat.
-- A `v` behind the connections shows that this was no heartbeat of its own.

local record = redis.call('HGET', KEYS[1], ARGV[1])
local lease, clients, host = string.match(record or '', '^(%d+) (%d+)v? (.*)$')
if not lease then
  return 0
end
local leaseEnd = clock() + ARGV[2]
if tonumber(lease) == leaseEnd then
  leaseEnd = leaseEnd + 1
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', leaseEnd) .. ' ' .. clients .. 'v ' .. host)
return 1

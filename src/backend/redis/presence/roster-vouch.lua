-- Extends the lease of an instance that hangs, for its primary, which will replace it.
-- KEYS[1] instances, as in roster-heartbeat.lua   KEYS[2..4] and ARGV[1] as in roster-time.lua
-- ARGV[2] instance id   ARGV[3] lease, ms
-- Returns 1 if the lease is extended, 0 if the instance is not listed, is fenced, or has sent no heartbeat.
-- A `v` behind the connections shows that this was no heartbeat of its own.

local record = redis.call('HGET', KEYS[1], ARGV[2])
local lease, clients, host = string.match(record or '', '^(%d+) (%d+)v? (.*)$')
if not lease then
  return 0
end
redis.call('ZADD', KEYS[2], integer(clusterTime() + ARGV[3]), ARGV[2])
redis.call('ZADD', KEYS[4], 0, ARGV[2])
local leaseEnd = clock() + ARGV[3]
if tonumber(lease) == leaseEnd then
  leaseEnd = leaseEnd + 1
end
redis.call('HSET', KEYS[1], ARGV[2], integer(leaseEnd) .. ' ' .. clients .. 'v ' .. host)
return 1

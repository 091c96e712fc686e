-- Extends an instance's lease.
-- KEYS[1] instances (hash instance id -> `leaseEndMs connections host` by the clock of Redis, with a `-` before it: fenced;
--   `swept` for connections: reaped, see roster-forget.lua; `v` behind them: see roster-vouch.lua)
-- KEYS[2..4] and ARGV[1] as in roster-time.lua   KEYS[5] as in roster-earlier.lua
-- ARGV[2] instance id   ARGV[3] lease, ms   ARGV[4] connections   ARGV[5] host
-- ARGV[6] 'new': only if it is not listed; its connections are then '?' and perhaps their last number until its first heartbeat
-- Returns {known, time}: the cluster's time, and 1 if the instance had sent a heartbeat before; 0 if it is new, was fenced or
-- reaped, or the store lost its data.
-- Only a heartbeat ends a fence. A reaped instance is listed again by its next call, as `new`, so that its next heartbeat
-- still returns 0 and it learns that the roster dropped all it had reported.

local record = redis.call('HGET', KEYS[1], ARGV[2])
if record and ARGV[6] == 'new' then
  return { 1, 0 }
end
local now = clusterTime()
redis.call('SET', KEYS[3], integer(now))
redis.call('ZADD', KEYS[2], integer(now + ARGV[3]), ARGV[2])
local leaseEnd = clock() + ARGV[3]
-- Earlier releases see a heartbeat by the lease, which must change although the clock was set back.
if record and tonumber(string.match(record, '^%-?(%d+)')) == leaseEnd then
  leaseEnd = leaseEnd + 1
end
if record and string.find(record, '^%-?%d+ %d+v') then
  redis.call('ZREM', KEYS[4], ARGV[2])
end
redis.call('HSET', KEYS[1], ARGV[2], integer(leaseEnd) .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
adoptEarlier(now, not record)
return { record and string.find(record, '^%d+ %d') and 1 or 0, integer(now) }

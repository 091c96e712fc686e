-- Extends an instance's lease. Other instances see the heartbeat by the lease, which every heartbeat changes.
-- KEYS[1] instances (hash instance id -> `leaseEndMs connections host`, with a `-` before it: fenced; `swept` for connections: reaped, see roster-forget.lua; `v` behind them: see roster-vouch.lua)
-- ARGV[1] instance id   ARGV[2] lease, ms   ARGV[3] connections   ARGV[4] host
-- ARGV[5] 'new': only if it is not listed; its connections are then '?' until its first heartbeat
-- Returns 1 if the instance had sent a heartbeat before, 0 if not: it is new, was fenced or reaped, or the store lost its data.
-- Only a heartbeat ends a fence. A reaped instance is listed again by its next call, as `new`, so that its next heartbeat
-- still returns 0 and it learns that the roster dropped all it had reported.

local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record or ARGV[5] ~= 'new' then
  local leaseEnd = clock() + ARGV[2]
  -- The same again, though the clock was set back.
  if record and tonumber(string.match(record, '^%-?(%d+)')) == leaseEnd then
    leaseEnd = leaseEnd + 1
  end
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', leaseEnd) .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
end
return record and string.find(record, '^%d+ %d') and 1 or 0

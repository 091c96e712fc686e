-- Fences a dead instance: it counts nowhere from now on. Its last heartbeat stays known until it is reaped.
-- KEYS[1] instances, as in roster-heartbeat.lua   KEYS[2] as in roster-time.lua   ARGV[1] instance id

local record = redis.call('HGET', KEYS[1], ARGV[1])
if record and not string.find(record, '^%-') then
  redis.call('HSET', KEYS[1], ARGV[1], '-' .. record)
end
local lease = redis.call('ZSCORE', KEYS[2], ARGV[1])
if lease and not string.find(lease, '^%-') then
  redis.call('ZADD', KEYS[2], '-' .. lease, ARGV[1])
end
return 1

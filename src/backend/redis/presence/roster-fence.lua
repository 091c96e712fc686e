-- Fences a dead instance: it counts nowhere from now on. Its last heartbeat stays known until it is reaped.
-- KEYS[1] instances, as in roster-heartbeat.lua   ARGV[1] instance id

local record = redis.call('HGET', KEYS[1], ARGV[1])
if record and not string.find(record, '^%-') then
  redis.call('HSET', KEYS[1], ARGV[1], '-' .. record)
end
return 1

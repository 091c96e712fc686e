-- Fences a dead instance: it counts nowhere from now on. Its last heartbeat stays known until it is reaped.
-- KEYS[1] instances, as in roster-heartbeat.lua   KEYS[2] as in roster-time.lua   ARGV[1] instance id
-- ARGV[2] the lease that the instance had when it was reaped, '' for any: an instance that has sent a heartbeat since is not
-- fenced
-- Returns {fenced, lease}. fenced: 1 if the instance is fenced or not listed, else 0. lease: as it was, '' if it has none.

local lease = redis.call('ZSCORE', KEYS[2], ARGV[1])
local active = lease and not string.find(lease, '^%-')
if active and ARGV[2] ~= '' and tonumber(lease) > tonumber(ARGV[2]) then
  return { 0, lease }
end
local record = redis.call('HGET', KEYS[1], ARGV[1])
if record and not string.find(record, '^%-') then
  redis.call('HSET', KEYS[1], ARGV[1], '-' .. record)
end
if active then
  redis.call('ZADD', KEYS[2], '-' .. lease, ARGV[1])
end
return { 1, lease or '' }

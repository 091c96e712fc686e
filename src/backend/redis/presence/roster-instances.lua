-- Returns all listed instances.
-- KEYS[1..4], ARGV[1] as in roster-time.lua
-- Returns {cluster's time, time of Redis, {instance, record, lease, …}}. An instance of an earlier release has the lease ''
-- until the next heartbeat of this release.

local leases = {}
local ends = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for index = 1, #ends, 2 do
  leases[ends[index]] = ends[index + 1]
end
local rows = {}
local records = redis.call('HGETALL', KEYS[1])
for index = 1, #records, 2 do
  rows[#rows + 1] = records[index]
  rows[#rows + 1] = records[index + 1]
  rows[#rows + 1] = leases[records[index]] or ''
end
return { integer(clusterTime()), integer(clock()), rows }

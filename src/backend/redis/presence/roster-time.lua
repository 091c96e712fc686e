-- A prelude of the scripts that use leases, after clock.lua: the cluster's time.
-- KEYS[1] instances, as in roster-heartbeat.lua
-- KEYS[2] leases (zset: when the lease of each instance ends, in the cluster's time; negative: fenced)
-- KEYS[3] the cluster's time, ms   KEYS[4] instances that hang (zset, all of score 0), see roster-vouch.lua
-- ARGV[1] the least that the cluster's time can be now, as cluster-clock.ts knows it, '' if it does not
-- No clock tells this time. It advances by what processes measure between their heartbeats, so it stands still while no
-- heartbeat is written, and nobody's lease ends because a clock is set or because Redis takes no writes.

local function clusterTime()
  local stored = tonumber(redis.call('GET', KEYS[3]) or '1')
  return math.max(stored, tonumber(ARGV[1]) or 0)
end

local function integer(number)
  return string.format('%.0f', number)
end

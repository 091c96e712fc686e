-- Returns the instances that are fenced, that hang, or that have sent no heartbeat for a while. The others live and are not returned, so
-- the cost does not grow with them.
-- KEYS[1..4], ARGV[1] as in roster-time.lua   ARGV[2] the most that is left of the lease of a silent instance, ms
-- Returns as roster-instances.lua does.

local now = clusterTime()
local rows, found = {}, {}

local function add(id, lease)
  local record = lease and not found[id] and redis.call('HGET', KEYS[1], id)
  if record then
    found[id] = true
    rows[#rows + 1] = id
    rows[#rows + 1] = record
    rows[#rows + 1] = lease
  end
end

local silent = redis.call('ZRANGE', KEYS[2], '-inf', integer(now + ARGV[2]), 'BYSCORE', 'WITHSCORES')
for index = 1, #silent, 2 do
  add(silent[index], silent[index + 1])
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
  add(id, redis.call('ZSCORE', KEYS[2], id))
end
return { integer(now), integer(clock()), rows }

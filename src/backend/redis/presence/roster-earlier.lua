-- A prelude of roster-heartbeat.lua, after roster-time.lua: brings the leases in line with the instances.
-- KEYS[5] instances of earlier releases (hash instance id -> its `leaseEndMs` when it was last looked at; '' -> when all
--   records were read last)
-- Earlier releases write KEYS[1] alone. Their instances get leases here: while there are any, and when an instance is new, a
-- heartbeat of this release reads all records, at most once a second.

local EVERY_MS = 1000

local function leaseOf(id, record, lease, now)
  local written = string.match(record, '^%-?(%d+)') or ''
  local seen = redis.call('HGET', KEYS[5], id)
  if lease and not seen then
    return lease, false
  end
  if seen ~= written then
    redis.call('HSET', KEYS[5], id, written)
    lease = now + ARGV[3]
  end
  return lease, true
end

local function adoptEarlier(now, newcomer)
  local hasEarlier = redis.call('HLEN', KEYS[5]) > 1
  if not newcomer and not hasEarlier and redis.call('HLEN', KEYS[1]) == redis.call('ZCARD', KEYS[2]) then
    return
  end
  local readAt = redis.call('HGET', KEYS[5], '')
  if readAt and now - readAt < EVERY_MS then
    return
  end
  -- It heartbeats here, so it is of this release; its lease had been lost.
  redis.call('HDEL', KEYS[5], ARGV[2])
  local records, listed, earlier = redis.call('HGETALL', KEYS[1]), {}, false
  for index = 1, #records, 2 do
    local id, record = records[index], records[index + 1]
    local before = tonumber(redis.call('ZSCORE', KEYS[2], id) or '')
    local lease, isEarlier = leaseOf(id, record, before, now)
    local fenced = string.sub(record, 1, 1) == '-'
    local after = fenced and -math.abs(lease) or math.abs(lease)
    earlier = earlier or isEarlier
    if after ~= before then
      redis.call('ZADD', KEYS[2], integer(after), id)
    end
    listed[id] = true
  end
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if not listed[id] then
      redis.call('ZREM', KEYS[2], id)
      redis.call('HDEL', KEYS[5], id)
      redis.call('ZREM', KEYS[4], id)
    end
  end
  if earlier then
    redis.call('HSET', KEYS[5], '', integer(now))
    redis.call('PERSIST', KEYS[5])
  else
    redis.call('DEL', KEYS[5])
    redis.call('HSET', KEYS[5], '', integer(now))
    redis.call('PEXPIRE', KEYS[5], EVERY_MS)
  end
end

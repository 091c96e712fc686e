-- Lets a client in or gives it a place in the queue; see chat/connect-queue.ts.
-- KEYS[1] the next free place, ms   KEYS[2] places of known clients (sorted set: key -> ms)   KEYS[3] shared places (sorted set: n -> ms)
-- ARGV[1] the client's key, or empty   ARGV[2] ms between two places   ARGV[3] burst, ms
-- ARGV[4] how long a place waits   ARGV[5] how long a shared one does   ARGV[6] the longest wait for this client
-- Returns 0, or in how many ms the client has its place.

local client, interval, burst = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local keep, keepShared = tonumber(ARGV[4]), tonumber(ARGV[5])
local longest = tonumber(ARGV[6])
local now = clock()

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - keep)
local next = tonumber(redis.call('GET', KEYS[1]) or now)
if redis.call('ZCOUNT', KEYS[3], '-inf', now - keepShared) > 0 then
  local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
  redis.call('DEL', KEYS[3])
  next = last and tonumber(last) + interval or now - burst
end

-- A queue that is longer than its places explain is of a clock that has been set back since.
local waiting = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3])
if next - now > (waiting + 1) * interval + keep then
  redis.call('DEL', KEYS[2], KEYS[3])
  next = now
end

if client ~= '' then
  local own = redis.call('ZSCORE', KEYS[2], client)
  if own then
    local wait = math.ceil(tonumber(own) - now)
    if wait > 0 then
      return wait
    end
    redis.call('ZREM', KEYS[2], client)
    return 0
  end
else
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  if oldest[1] and tonumber(oldest[2]) <= now then
    redis.call('ZREM', KEYS[3], oldest[1])
    return 0
  end
end

next = math.max(next, now - burst)
if next - now > longest then
  return longest
end
local lifetime = math.ceil(math.max(0, next - now) + interval + keep)
-- With %.3f, because a number as text has 14 digits, of which a time takes 13.
local place = string.format('%.3f', next)
redis.call('SET', KEYS[1], string.format('%.3f', next + interval), 'PX', lifetime)
local wait = math.ceil(next - now)
if wait <= 0 then
  return 0
end
local set = client == '' and KEYS[3] or KEYS[2]
redis.call('ZADD', set, place, client == '' and place or client)
redis.call('PEXPIRE', set, lifetime)
return wait

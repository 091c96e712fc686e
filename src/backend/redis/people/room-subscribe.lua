-- Subscribes a user to a room, or raises the read marker there.
-- KEYS[1] read markers (hash roomid -> read)   KEYS[2] rooms by their last use (zset; the score counts up)
-- ARGV[1] roomid   ARGV[2] read up to, 0 for nothing   ARGV[3] lifetime of both, ms   ARGV[4] most rooms
-- ARGV[5] read up to if there is no marker yet
-- Returns {marker, new}. marker: where it stands now, as text, since node-redis misreads integers near 2^53. new: 1 if there was none.

local before = redis.call('HGET', KEYS[1], ARGV[1])
local marker = math.max(tonumber(before or ARGV[5]), tonumber(ARGV[2]))
marker = string.format('%.0f', marker)
redis.call('HSET', KEYS[1], ARGV[1], marker)
local last = tonumber(redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2] or '0')
redis.call('ZADD', KEYS[2], string.format('%.0f', last + 1), ARGV[1])
local over = redis.call('ZCARD', KEYS[2]) - ARGV[4]
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[2], over)
  for index = 1, #oldest, 2 do
    redis.call('HDEL', KEYS[1], oldest[index])
  end
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[3])
end
return { marker, before and 0 or 1 }

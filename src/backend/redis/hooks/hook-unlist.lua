-- Removes a subject that nobody has listed for a while, see hook-queue.ts.
-- KEYS[1] lease   KEYS[2] states   KEYS[3] listed subjects
-- ARGV[1] holder   ARGV[2] subject   ARGV[3] its state   ARGV[4] time in ms since it was listed, at least

local at, state = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '', '^(%d+) (.*)$')
if redis.call('GET', KEYS[1]) ~= ARGV[1] or state ~= ARGV[3] or clock() - at < tonumber(ARGV[4]) then
  return 0
end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
return 1

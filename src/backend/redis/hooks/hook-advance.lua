-- Stores how far events were sent, see hook-queue.ts.
-- KEYS[1] lease   KEYS[2] states   KEYS[3] listed subjects   ARGV[1] holder   ARGV[2…] subject, state, subject, state, …
-- Returns 1, or 0 if another process holds the lease.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for index = 2, #ARGV, 2 do
  local at = string.match(redis.call('HGET', KEYS[2], ARGV[index]) or '', '^(%d+) ') or string.format('%.0f', clock())
  redis.call('HSET', KEYS[2], ARGV[index], at .. ' ' .. ARGV[index + 1])
  redis.call('ZADD', KEYS[3], '0', ARGV[index])
end
return 1

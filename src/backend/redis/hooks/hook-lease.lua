-- Takes, extends or gives back the lease of the sender, see hook-queue.ts.
-- KEYS[1] lease (string)   ARGV[1] holder   ARGV[2] its length in ms, '0' gives it back
-- Returns 1, or 0 if another process holds it.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1

-- Clients that the cluster has sent away may come in at once; see chat/connect-queue.ts.
-- KEYS[1] places of known clients   KEYS[2] shared places
-- ARGV[1] how long a place waits, ms   ARGV[2] a number that no other call has   ARGV[3] number of unknown clients   ARGV[4…] keys of the others

local now = clock()
for n = 4, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[n])
end
for n = 1, tonumber(ARGV[3]) do
  redis.call('ZADD', KEYS[2], now, ARGV[2] .. ' ' .. n)
end
-- Never shorter than what other places need.
for n = 1, 2 do
  if redis.call('PTTL', KEYS[n]) < tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[n], ARGV[1])
  end
end
return 1

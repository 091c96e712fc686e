-- Ends an attempt of claim.lua.
-- KEYS as in claim.lua   ARGV[1] id of the attempt   ARGV[2] the answer, '' for none   ARGV[3] its lifetime, ms

local claim = redis.call('HMGET', KEYS[1], 'id', 'answer')
if ARGV[2] ~= '' and claim[1] and not claim[2] then
  redis.call('HSET', KEYS[1], 'answer', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2])
end
return 0

-- Ends a try of claim.lua.
-- KEYS as in claim.lua   ARGV[1] id of the try   ARGV[2] the answer, '' for none   ARGV[3] how long it is kept, ms

if ARGV[2] ~= '' and redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HSETNX', KEYS[1], 'answer', ARGV[2]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2])
end
return 0

-- Marks the format of the data, unless another host has marked it meanwhile.
-- KEYS[1] the mark   ARGV[1] the mark that the caller has read, '' for none   ARGV[2] the new mark
-- Returns 1 if the mark was set.

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1

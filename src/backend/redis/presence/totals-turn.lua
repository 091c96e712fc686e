-- The cluster is to be counted again: who asks first for this count's successor is to do it.
-- KEYS[1] whose successor was asked for   ARGV[1] the count, as it stands in the store   ARGV[2] how long this is kept, ms
-- Answers 1 if nobody was before.

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1

-- Elects the process that counts again, see shared-count.ts: the first to ask for a count's successor.
-- KEYS[1] the count whose successor was asked for   ARGV[1] the count, as it stands in the store   ARGV[2] lifetime of KEYS[1], ms
-- Returns 1 for the first.

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1

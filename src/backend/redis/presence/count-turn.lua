-- Elects the process that counts again, see shared-count.ts: the first to ask for a count's successor.
-- KEYS[1] the count whose successor was asked for, with `+` behind it once the count was overdue
-- ARGV[1] the count, as it stands in the store, '' if there is none   ARGV[2] lifetime of KEYS[1], ms
-- ARGV[3] '1' if the count is overdue: the process that was elected before did not replace it
-- Returns 1 for the first.

local overdue = ARGV[1] .. '+'
local asked = redis.call('GET', KEYS[1])
if asked == overdue or asked == ARGV[1] and ARGV[3] == '0' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3] == '1' and overdue or ARGV[1], 'PX', ARGV[2])
return 1

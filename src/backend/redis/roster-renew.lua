-- A boot proves that it lives, by the store's clock.
-- KEYS[1] boots (hash boot -> `leaseEndMs connections host`)
-- ARGV[1] boot   ARGV[2] lease, ms   ARGV[3] connections   ARGV[4] host   ARGV[5] 'new': only if it is not listed
-- Answers 1 if the boot was listed before, 0 if not: it is new, was swept, or the store lost its data.

local listed = redis.call('HEXISTS', KEYS[1], ARGV[1])
if listed == 0 or ARGV[5] ~= 'new' then
  local time = redis.call('TIME')
  local leaseEnd = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', leaseEnd) .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
end
return listed

-- When an inbox's markers first covered an item.
-- KEYS as in inbox-raise.lua   ARGV[1] the item's seq
-- Returns the times of sent, recv and read, 0 for not yet.

local markers = redis.call('HMGET', KEYS[1], 'sent', 'recv', 'read')
local times = {}
for index = 1, 3 do
  times[index] = 0
  if tonumber(markers[index] or '0') >= tonumber(ARGV[1]) then
    local step = redis.call('ZRANGE', KEYS[1 + index], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]
    times[index] = step and tonumber(string.match(step, '%d+$')) or 0
  end
end
return times

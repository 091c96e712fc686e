-- When an inbox's markers first covered an item.
-- KEYS as in inbox-raise.lua   ARGV[1] the item's seq
-- ARGV[2] the epoch in which the item was numbered, '' if nobody noted it   ARGV[3] the previous epochs that are kept at most
-- Returns the times of sent, recv and read, 0 for not yet, and for an item that the inbox no longer holds under that number, see
-- held-positions.ts.

local markers = redis.call('HMGET', KEYS[1], 'sent', 'recv', 'read', 'epoch', 'links')
local seq = tonumber(ARGV[1])

local function isHeld()
  if ARGV[2] == '' or ARGV[2] == markers[4] then
    return true
  end
  local count, oldest = 0, 0
  for epoch, upTo in string.gmatch(markers[5] or '', '(%S+):(%d+)') do
    if epoch == ARGV[2] then
      return seq <= tonumber(upTo)
    end
    count = count + 1
    oldest = count == 1 and tonumber(upTo) or oldest
  end
  return count >= tonumber(ARGV[3]) and seq <= oldest
end

local held = isHeld()
local times = {}
for index = 1, 3 do
  times[index] = 0
  if held and tonumber(markers[index] or '0') >= seq then
    local step = redis.call('ZRANGE', KEYS[1 + index], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]
    times[index] = step and tonumber(string.match(step, '%d+$')) or 0
  end
end
return times

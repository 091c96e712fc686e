-- A prelude of epoch.lua, append.lua, read.lua and replace.lua: what a log contains.
-- KEYS[1] log (stream)   KEYS[2] meta, see epoch.lua
-- KEYS[3] replaced entries, taken out of the stream (zset of `except NUL message` by seq)
-- Each seq from the log's first to its top is in the stream or among the replaced entries.

-- Lua writes large numbers as 1e+15.
local function decimal(number)
  return string.format('%.0f', number)
end

-- The last seq ever added, even if that entry has left the stream.
local function tailOf(log)
  if redis.call('EXISTS', log) == 0 then
    return 0
  end
  local about = redis.call('XINFO', 'STREAM', log)
  for index = 1, #about, 2 do
    if about[index] == 'last-generated-id' then
      return tonumber(string.match(about[index + 1], '^%d+'))
    end
  end
end

-- Returns the first seq of the log, `top + 1` if it is empty, and whether any of its entries was replaced.
local function firstHeld(top)
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local first = oldest and tonumber(string.match(oldest[1], '^%d+')) or top + 1
  local lowest = tonumber(redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or '')
  if not lowest then
    return first, false
  end
  if not oldest and redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[3])
    return first, false
  end
  if lowest >= first then
    return first, true
  end
  local below = '(' .. decimal(first)
  if redis.call('ZCOUNT', KEYS[3], decimal(lowest), below) == first - lowest then
    return lowest, true
  end
  -- The stream was trimmed past some of them, so the log is long enough without them.
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', below)
  return first, redis.call('EXISTS', KEYS[3]) == 1
end


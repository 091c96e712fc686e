-- A prelude of epoch.lua, append.lua, read.lua and replace.lua: what a log contains.
-- KEYS[1] log (stream)   KEYS[2] meta, see epoch.lua
-- KEYS[3] replaced entries, taken out of the stream (zset of `except NUL message` by seq)
-- Each seq from the log's first to its top is in the stream or among the replaced entries.
-- What stands beside an entry is in a key of its own (zset of `seq NUL text` by seq), see joined-entry.ts.

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

local STAMP_CHARS = 40

-- Returns an entry as readers see it.
local function joined(message, beside)
  if not beside then
    return message
  end
  local stamp = string.match(string.sub(message, -STAMP_CHARS), ',"revision":%d+}$') or '}'
  return string.sub(message, 1, -1 - #stamp) .. beside .. '}'
end

-- Returns what stands beside the entries of these numbers, by seq.
local function besides(key, from, to)
  local found = {}
  for _, text in ipairs(redis.call('ZRANGE', key, decimal(from), decimal(to), 'BYSCORE')) do
    local seq, beside = string.match(text, '^(%d+)%z(.*)$')
    found[tonumber(seq)] = beside
  end
  return found
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


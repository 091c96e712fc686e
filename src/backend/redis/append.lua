-- Stores, numbers and publishes one message, or answers its clientMsgId's first answer.
-- KEYS[1..2] as in epoch.lua   KEYS[3], KEYS[4] dedupe hashes of even and odd TTL periods
-- ARGV[1..3] as in epoch.lua   ARGV[4] entries to keep   ARGV[5] how long the log lives after this message, ms
-- ARGV[6] dedupe TTL, ms       ARGV[7] field of the dedupe hashes, '' for none
-- ARGV[8] the message's id     ARGV[9] members of its JSON object   ARGV[10] socket left out, '' for none
-- ARGV[11] channel             ARGV[12], ARGV[13] what stands before and after the message on the bus
-- ARGV[14], ARGV[15] of a fold: where the mark `news` must stand and where it goes, '' for nowhere; else both ''
-- Answers {epoch, seq, id, at, outcome}: 0 stored, 1 known already, 2 the mark stood elsewhere and nothing was done.
-- The message is spliced as text: cjson would lose digits of numbers and empty arrays.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local folding = ARGV[15] ~= ''
if folding and (redis.call('HGET', KEYS[2], 'news') or '') ~= ARGV[14] then
  return { '', 0, '', 0, 2 }
end

local ttl = tonumber(ARGV[6])
local period = math.floor(now / ttl)
local field = ARGV[7]
if field ~= '' then
  for slot = 3, 4 do
    local first = redis.call('HGET', KEYS[slot], field)
    if first then
      if folding then
        redis.call('HSET', KEYS[2], 'news', ARGV[15])
        redis.call('PEXPIRE', KEYS[2], ARGV[3])
      end
      local epoch, seq, at, id = string.match(first, '^(%S+) (%d+) (%d+) (.*)$')
      return { epoch, tonumber(seq), id, tonumber(at), 1 }
    end
  end
end

local room = openRoom()
local at = math.max(now, room.at)
local seq, message

local function store()
  seq = room.top + 1
  message = '{"seq":' .. decimal(seq) .. ',"epoch":"' .. room.epoch .. '","id":"' .. ARGV[8]
    .. '","at":' .. decimal(at) .. ',' .. ARGV[9] .. '}'
  local fields = { 'm', message }
  if ARGV[10] ~= '' then
    fields = { 'm', message, 'x', ARGV[10] }
  end
  return redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], decimal(seq) .. '-0', unpack(fields))
end

local stored = store()
if type(stored) == 'table' and stored.err and string.find(stored.err, 'equal or smaller', 1, true) then
  -- The log is ahead of meta (restored by hand): its numbers are taken.
  beginEpoch(room)
  stored = store()
end
if type(stored) == 'table' and stored.err then
  return stored
end

redis.call('HSET', KEYS[2], 'top', decimal(seq), 'at', decimal(at))
if folding then
  redis.call('HSET', KEYS[2], 'news', ARGV[15])
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if field ~= '' then
  -- This period's hash is gone when its slot's turn comes again, so an id is known for one to two TTLs.
  local ids = KEYS[3 + period % 2]
  redis.call('HSET', ids, field, room.epoch .. ' ' .. decimal(seq) .. ' ' .. decimal(at) .. ' ' .. ARGV[8])
  redis.call('PEXPIREAT', ids, decimal((period + 2) * ttl))
end
redis.call('SPUBLISH', ARGV[11], ARGV[12] .. message .. ARGV[13])
return { room.epoch, seq, ARGV[8], at, 0 }

-- Stores, numbers and publishes one message, or returns the result of the first append with its clientMsgId.
-- KEYS[1..3] as in log.lua     KEYS[4], KEYS[5] dedupe hashes of even and odd TTL periods
-- KEYS[6] as in restricted.lua   KEYS[7] readers by the seq of their own newest message, or of what they have read (zset)
-- KEYS[8] entries that do not count as unread, by seq (zset); for both see unread.ts
-- KEYS[9] what stands beside entries, see log.lua
-- ARGV[1..3] as in epoch.lua   ARGV[4] entries to keep   ARGV[5] how long the log lives after this message, ms
-- ARGV[6] dedupe TTL, ms       ARGV[7] field of the dedupe hashes, '' for none
-- ARGV[8] the message's id     ARGV[9] members of its JSON object   ARGV[10] excepted socket, '' for none
-- ARGV[11] channel             ARGV[12], ARGV[13] the frame before and after the message
-- ARGV[14], ARGV[15] for an announcement that is copied into an inbox: where the marker in field `news` must stand ('' for
--   nowhere) and where it moves to; otherwise both ''
-- ARGV[16] the user who must be neither banned nor muted, '' for nobody
-- ARGV[17] digest of the content, '' to compare the clientMsgId alone
-- ARGV[18] the author, who has read the log up to the message, '' for nobody   ARGV[19] '1': the entry does not count as unread
-- KEYS[10], KEYS[11] and ARGV[20..24] as in unopened.lua   ARGV[25] as in nearly-full.lua
-- The last ARGV as in publish-frame.lua
-- Returns {epoch, seq, id, at, outcome}. Outcomes: 0 stored, 1 stored before. The others stored nothing: 2 the marker stood
-- elsewhere; 3 banned and 4 muted, with the ms left in `at`, 0 for no end; 5 the clientMsgId belongs to another content;
-- 6 and 7 of replace.lua, which is a prelude of this script where an entry is replaced; 8 nobody has opened the inbox, and it is full;
-- 9 the server is nearly full, and the log is a new one.
-- The message is spliced as text, because cjson would lose digits of numbers and empty arrays.

-- Every so many messages the script removes replaced entries that the stream was trimmed past.
local TIDY_EVERY = 64
-- The script extends the keys' lifetimes only once this part of the log's lifetime is over, and then by that much more. It
-- saves three calls per message, and their lines in the append-only file.
local SLACK = 1 / 64

local now = clock()

local movesMarker = ARGV[15] ~= ''
if movesMarker and (redis.call('HGET', KEYS[2], 'news') or '') ~= ARGV[14] then
  return { '', 0, '', 0, 2 }
end

local ttl, lifetime = tonumber(ARGV[6]), tonumber(ARGV[5])
local period = math.floor(now / ttl)
local field = ARGV[7]
if field ~= '' then
  for slot = 4, 5 do
    local first = redis.call('HGET', KEYS[slot], field)
    if first then
      -- An earlier version stored no digest; then any content matches.
      local epoch, seq, at, id, digest = string.match(first, '^(%S+) (%d+) (%d+) (%S+) ?(%S*)$')
      if digest ~= '' and ARGV[17] ~= '' and digest ~= ARGV[17] then
        return { '', 0, '', 0, 5 }
      end
      if movesMarker then
        redis.call('HSET', KEYS[2], 'news', ARGV[15])
        redis.call('PEXPIRE', KEYS[2], ARGV[3])
      end
      return { epoch, tonumber(seq), id, tonumber(at), 1 }
    end
  end
end

if ARGV[16] ~= '' then
  local ends = redis.call('ZMSCORE', KEYS[6], 'ban:' .. ARGV[16], 'mute:' .. ARGV[16])
  for index = 1, 2 do
    local left = ends[index] and leftOf(ends[index], now)
    if left then
      return { '', 0, '', left, 2 + index }
    end
  end
end

if replacement then
  local instead = replacement.find()
  if instead then
    return { '', 0, '', 0, instead }
  end
end

if ARGV[25] ~= '' and isUnwelcome() then
  return { '', 0, '', 0, 9 }
end

local room = openRoom()
local unopened = unopenedWith(room, #ARGV[9])
if not unopened then
  return { '', 0, '', 0, 8 }
end
if unopened ~= '' then
  ARGV[5], ARGV[3] = ARGV[23], ARGV[24]
  lifetime = tonumber(ARGV[5])
end
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
  -- The log is ahead of meta (somebody restored it): its numbers are taken.
  beginEpoch(room)
  stored = store()
end
if type(stored) == 'table' and stored.err then
  return stored
end

if replacement then
  replacement.store(seq, at)
end

local meta = { 'top', decimal(seq), 'at', decimal(at) }
if movesMarker then
  meta[#meta + 1], meta[#meta + 2] = 'news', ARGV[15]
end
if unopened ~= '' then
  meta[#meta + 1], meta[#meta + 2] = 'unopened', unopened
elseif room.unopened then
  redis.call('HDEL', KEYS[2], 'unopened')
end
-- When the lifetimes were last extended, and for which lifetime of the log.
local ends = decimal(math.ceil(lifetime * (1 + SLACK)))
local kept, of = string.match(room.kept, '^(%d+) (%d+)$')
if of ~= ARGV[5] or now - kept >= lifetime * SLACK or now < tonumber(kept) then
  meta[#meta + 1], meta[#meta + 2] = 'kept', decimal(now) .. ' ' .. ARGV[5]
  redis.call('PEXPIRE', KEYS[1], ends)
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  for _, beside in ipairs({ KEYS[3], KEYS[7], KEYS[8], KEYS[9] }) do
    redis.call('PEXPIRE', beside, ends)
  end
else
  -- Somebody may have deleted the log meanwhile.
  redis.call('PEXPIRE', KEYS[1], ARGV[5], 'NX')
end
-- These keys never expire before the log, and are extended with it.
if ARGV[18] ~= '' and redis.call('ZADD', KEYS[7], decimal(seq), ARGV[18]) == 1 then
  redis.call('PEXPIRE', KEYS[7], ends, 'NX')
end
if ARGV[19] ~= '' then
  redis.call('ZADD', KEYS[8], decimal(seq), decimal(seq))
  redis.call('PEXPIRE', KEYS[8], ends, 'NX')
end
if seq % TIDY_EVERY == 0 then
  if redis.call('EXISTS', KEYS[3], KEYS[8], KEYS[9]) > 0 then
    local first = '(' .. decimal(firstHeld(seq))
    redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', first)
    redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', first)
  end
  -- The set keeps as many readers as the log has entries; an older reader has only the stored mark.
  redis.call('ZREMRANGEBYRANK', KEYS[7], 0, decimal(-1 - ARGV[4]))
end
if field ~= '' then
  -- This period's hash expires before its slot is used again, so an id is known for one to two TTLs.
  local ids, ending = KEYS[4 + period % 2], decimal((period + 2) * ttl)
  local answer = room.epoch .. ' ' .. decimal(seq) .. ' ' .. decimal(at) .. ' ' .. ARGV[8]
  redis.call('HSET', ids, field, ARGV[17] == '' and answer or answer .. ' ' .. ARGV[17])
  if room.ids ~= ending then
    meta[#meta + 1], meta[#meta + 2] = 'ids', ending
    redis.call('PEXPIREAT', ids, ending)
  end
end
redis.call('HSET', KEYS[2], unpack(meta))
publishFrame(ARGV[11], ARGV[12] .. message .. ARGV[13])
return { room.epoch, seq, ARGV[8], at, 0 }

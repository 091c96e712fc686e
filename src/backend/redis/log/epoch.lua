-- A prelude of append.lua and read.lua, after log.lua: a room's epoch and its sequence numbers. log-store.ts (Position) tells
-- by an example why epochs exist.
-- KEYS[1] and KEYS[3] as in log.lua   KEYS[2] meta (hash: run, terms, epoch, top, at, links = previous epochs; kept and ids
-- as in append.lua; marks as in reader-raise.lua; for an inbox also its markers: sent, recv, read, news; and unopened and opened
-- as in unopened.lua and inbox-open.lua)
-- ARGV[1] term of this server, as the connection knows it, see server-term.ts: `run_id offset replid`, where the offset is that
-- of its last promotion and -1 if there was none; the replid has TERM_ID characters
-- ARGV[2] a fresh random epoch, in case one is needed
-- ARGV[3] how long meta lives without use, ms: longer than the log
--
-- `top` never goes back. A new epoch begins when another term of a server answers for the room, which may have lost the newest
-- entries, or when log and meta disagree. So no number is given twice within an epoch.
-- A server keeps its run id while it is demoted and promoted again, but each promotion draws a new replid. The offset tells
-- nothing about the order of promotions, since it falls when a predecessor restarted. Redis also draws a new replid when it
-- forgets a promotion, after an hour without replicas; the offset is then -1, and no epoch begins. Connections from before and
-- after name different terms of the same server, and neither may begin an epoch at each message: `terms` keeps those of this
-- run that answered already.

local TERM_ID = 12
-- With more of them, Redis would store the hash in a form that takes more memory.
local TERMS_KEPT = 4
-- As in held-positions.ts.
local PREVIOUS_KEPT = 8

-- Previous epochs are kept oldest first, as `epoch:upTo`. None may reach beyond what is still there.
local function previousWith(room, upTo)
  local previous = {}
  for epoch, reach in string.gmatch(room.previous, '(%S+):(%d+)') do
    previous[#previous + 1] = epoch .. ':' .. decimal(math.min(tonumber(reach), upTo))
  end
  previous[#previous + 1] = room.epoch .. ':' .. decimal(upTo)
  return table.concat(previous, ' ', math.max(1, #previous - PREVIOUS_KEPT + 1))
end

local function termsWith(known)
  local id = string.sub(ARGV[1], -TERM_ID)
  if string.find(known, id, 1, true) then
    return known
  end
  -- Oldest first.
  return string.sub(known .. (known == '' and '' or ' ') .. id, -TERMS_KEPT * (TERM_ID + 1) + 1)
end

local function beginEpoch(room)
  local tail = tailOf(KEYS[1])
  if room.epoch then
    local upTo = room.top
    -- The log is older than meta (somebody restored it): the entries between them are gone.
    if tail > 0 and tail < upTo then
      upTo = tail
    end
    room.previous = previousWith(room, upTo)
  end
  room.epoch = ARGV[2]
  room.top = math.max(room.top, tail)
  local run = string.match(ARGV[1], '^%S+')
  local terms = run == room.run and termsWith(room.terms) or string.sub(ARGV[1], -TERM_ID)
  redis.call('HSET', KEYS[2], 'run', run, 'terms', terms, 'epoch', room.epoch, 'top', decimal(room.top), 'links', room.previous)
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end

-- Returns whether the server may have lost entries since it answered for the room. Earlier versions stored the run id alone, or
-- in `term` also the offset of the last promotion.
local function mayHaveLost(room, earlier)
  if not room.run or string.sub(ARGV[1], 1, #room.run + 1) ~= room.run .. ' ' then
    return true
  end
  if string.find(room.terms, string.sub(ARGV[1], -TERM_ID), 1, true) then
    return false
  end
  local promotedAt = string.match(ARGV[1], '^%S+ (%S+)')
  if room.terms ~= '' then
    return promotedAt ~= '-1'
  end
  local knownRun, known = string.match(earlier or '', '^(%S+) (%S+)$')
  if tonumber(promotedAt) > (knownRun == room.run and tonumber(known) or -1) then
    return true
  end
  redis.call('HSET', KEYS[2], 'terms', termsWith(''))
  return false
end

local function openRoom()
  local meta = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'top', 'at', 'links', 'kept', 'ids', 'terms', 'term', 'marks', 'unopened', 'opened')
  local room = {
    run = meta[1] or nil,
    terms = meta[8] or '',
    epoch = meta[2] or nil,
    top = tonumber(meta[3] or '0'),
    at = tonumber(meta[4] or '0'),
    previous = meta[5] or '',
    kept = meta[6] or '',
    ids = meta[7] or '',
    hasMarks = meta[10] and 1 or 0,
    unopened = meta[11] or nil,
    opened = meta[12] or nil,
  }
  if mayHaveLost(room, meta[9]) then
    beginEpoch(room)
  end
  return room
end

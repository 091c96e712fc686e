-- A prelude of append.lua and read.lua, after log.lua: a room's epoch and its sequence numbers. log-store.ts (Position) tells
-- by an example why epochs exist.
-- KEYS[1] and KEYS[3] as in log.lua   KEYS[2] meta (hash: run, term, epoch, top, at, links = previous epochs; kept and ids
-- as in append.lua; for an inbox also its markers: sent, recv, read, news)
-- ARGV[1] term of this server, as the connection knows it: `run_id offset`, where the offset is that of its last promotion
-- and -1 if there was none   ARGV[2] a fresh random epoch, in case one is needed
-- ARGV[3] how long meta lives without use, ms: longer than the log
--
-- `top` never goes back. A new epoch begins when another term of a server answers for the room, which may have lost the newest
-- entries, or when log and meta disagree. So no number is given twice within an epoch.
-- A server keeps its run id while it is demoted and promoted again, but the offset rises. It falls only where Redis forgets
-- the promotion, after an hour without replicas. Connections from before and after then name different terms of the same
-- server, and neither may begin an epoch at each message: a lower offset begins none.

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
  redis.call('HSET', KEYS[2], 'run', run, 'term', ARGV[1], 'epoch', room.epoch, 'top', decimal(room.top), 'links', room.previous)
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end

-- Returns whether the server may have lost entries since it answered for the room. An earlier version stores the run id alone.
local function mayHaveLost(run, term)
  if term == ARGV[1] and run then
    return string.sub(term, 1, #run) ~= run
  end
  local ownRun, promotedAt = string.match(ARGV[1], '^(%S+) (%S+)$')
  local knownRun, knownPromotion = string.match(term or '', '^(%S+) (%S+)$')
  local known = knownRun == run and tonumber(knownPromotion) or -1
  return run ~= ownRun or tonumber(promotedAt) > known
end

local function openRoom()
  local meta = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'top', 'at', 'links', 'kept', 'ids', 'term')
  local room = {
    epoch = meta[2] or nil,
    top = tonumber(meta[3] or '0'),
    at = tonumber(meta[4] or '0'),
    previous = meta[5] or '',
    kept = meta[6] or '',
    ids = meta[7] or '',
  }
  if mayHaveLost(meta[1], meta[8]) then
    beginEpoch(room)
  end
  return room
end

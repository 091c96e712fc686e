-- A prelude of append.lua and read.lua, after log.lua: a room's epoch and its sequence numbers. log-store.ts (Position) tells
-- by an example why epochs exist.
-- KEYS[1] and KEYS[3] as in log.lua   KEYS[2] meta (hash: run, epoch, top, at, links = previous epochs; kept and ids as in
-- append.lua; for an inbox also its markers: sent, recv, read, news)
-- ARGV[1] run_id of this server, as the connection knows it   ARGV[2] a fresh random epoch, in case one is needed
-- ARGV[3] how long meta lives without use, ms: longer than the log
--
-- `top` never goes back. A new epoch begins when another run of a server answers for the room, which may have lost the newest
-- entries, or when log and meta disagree. So no number is given twice within an epoch.

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
  redis.call('HSET', KEYS[2], 'run', ARGV[1], 'epoch', room.epoch, 'top', decimal(room.top), 'links', room.previous)
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end

local function openRoom()
  local meta = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'top', 'at', 'links', 'kept', 'ids')
  local room = {
    epoch = meta[2] or nil,
    top = tonumber(meta[3] or '0'),
    at = tonumber(meta[4] or '0'),
    previous = meta[5] or '',
    kept = meta[6] or '',
    ids = meta[7] or '',
  }
  if meta[1] ~= ARGV[1] then
    beginEpoch(room)
  end
  return room
end

-- One look at a room's log.
-- KEYS[1..2], ARGV[1..3] as in epoch.lua
-- ARGV[4] 'before' (the newest below ARGV[5]), 'after' (the oldest above ARGV[5]) or 'latest'
-- ARGV[6] most entries   ARGV[7] most bytes of JSON; the first entry is given even if it is larger
-- ARGV[8] what is answered for the epoch of an empty log that has none yet, '' to begin one
-- Answers {epoch, top, links, first, more, {message, except, message, except, …}}, entries in the order asked for:
-- oldest first after 'after', newest first otherwise.

-- Fetched by this many, so that a page that ends at its bytes does not copy the whole log first.
local CHUNK = 32

-- A room nothing was said in has no past to keep: whoever joins made-up rooms must not fill the store with them.
local EMPTY_MS = 3600000

if ARGV[8] ~= '' and redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
  return { ARGV[8], 0, '', 1, 0, {} }
end

local room = openRoom()
-- A room that is only read keeps its epoch too; written seldom, because rooms are read far more often than begun.
local lifetime = tonumber(ARGV[3])
if room.top == 0 then
  lifetime = math.min(lifetime, EMPTY_MS)
end
local left = redis.call('PTTL', KEYS[2])
if left < lifetime / 2 or left > lifetime then
  redis.call('PEXPIRE', KEYS[2], decimal(lifetime))
end

local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local first = oldest and tonumber(string.match(oldest[1], '^%d+')) or room.top + 1

local forward = ARGV[4] == 'after'
local edge
if forward then
  edge = tonumber(ARGV[5]) + 1
elseif ARGV[4] == 'before' then
  edge = tonumber(ARGV[5]) - 1
else
  edge = room.top
end

local limit, room_left = tonumber(ARGV[6]), tonumber(ARGV[7])
local entries, count, more, done = {}, 0, 0, not oldest or edge < 1
while not done do
  local chunk
  if forward then
    chunk = redis.call('XRANGE', KEYS[1], decimal(edge), '+', 'COUNT', CHUNK)
  else
    chunk = redis.call('XREVRANGE', KEYS[1], decimal(edge), '-', 'COUNT', CHUNK)
  end
  done = #chunk < CHUNK
  for _, entry in ipairs(chunk) do
    local fields = entry[2]
    room_left = room_left - #fields[2]
    if count == limit or (room_left < 0 and count > 0) then
      more = 1
      done = true
      break
    end
    count = count + 1
    entries[#entries + 1] = fields[2]
    entries[#entries + 1] = fields[4] or ''
    local seq = tonumber(string.match(entry[1], '^%d+'))
    edge = forward and seq + 1 or seq - 1
  end
  done = done or edge < 1
end

return { room.epoch, room.top, room.links, first, more, entries }

-- Reads one page of a room's log.
-- KEYS[1..3] as in log.lua   KEYS[4] what stands beside entries   ARGV[1..3] as in epoch.lua
-- ARGV[4] 'before' (the newest below ARGV[5]), 'after' (the oldest above ARGV[5]) or 'latest'
-- ARGV[6] most entries   ARGV[7] most bytes of JSON; the first entry is returned even if it is larger
-- ARGV[8] the epoch to return for an empty log that has none yet, '' to begin one
-- Returns {epoch, top, previous epochs, first, more, {message, except, beside, message, …}, marks}, where beside is '1' if some of its
-- members stand beside the entry and '' otherwise; entries in the order of the query: oldest first for 'after', otherwise newest first. marks is 1 if
-- a reader's mark was raised in the room.

-- Entries per fetch: a page that ends at its bytes must not copy the whole log first.
local CHUNK = 32

-- An empty room has no history to keep: clients that join made-up rooms must not fill the store with them.
local EMPTY_MS = 3600000

if ARGV[8] ~= '' and redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
  return { ARGV[8], 0, '', 1, 0, {}, 0 }
end

local room = openRoom()
-- A room that is only read keeps its epoch, too. The lifetime is extended seldom, since reads are frequent.
local lifetime = tonumber(ARGV[3])
if room.top == 0 and not room.opened then
  lifetime = math.min(lifetime, EMPTY_MS)
end
local left = redis.call('PTTL', KEYS[2])
if left < lifetime / 2 or left > lifetime then
  redis.call('PEXPIRE', KEYS[2], decimal(lifetime))
end

local first, replaced = firstHeld(room.top)

local forward = ARGV[4] == 'after'
local edge
if forward then
  edge = tonumber(ARGV[5]) + 1
elseif ARGV[4] == 'before' then
  edge = tonumber(ARGV[5]) - 1
else
  edge = room.top
end

local function seqOf(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

-- A chunk of replaced entries, in the form of the stream's.
local function replacedFrom(from)
  local found
  if forward then
    found = redis.call('ZRANGE', KEYS[3], decimal(from), '+inf', 'BYSCORE', 'LIMIT', 0, CHUNK)
  else
    found = redis.call('ZRANGE', KEYS[3], decimal(from), '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, CHUNK)
  end
  for index, text in ipairs(found) do
    local except, message = string.match(text, '^([^%z]*)%z(.*)$')
    found[index] = { string.match(message, '^{"seq":(%d+)'), { 'm', message, 'x', except } }
  end
  return found
end

-- Merges two sorted chunks. Each is complete up to its own end, so the first CHUNK of both together are complete.
local function merged(ones, others)
  local all, one, other = {}, 1, 1
  while #all < CHUNK and (ones[one] or others[other]) do
    local next, rival = ones[one], others[other]
    if next and (not rival or (seqOf(next) < seqOf(rival)) == forward) then
      all[#all + 1] = next
      one = one + 1
    else
      all[#all + 1] = rival
      other = other + 1
    end
  end
  return all
end

local limit, room_left = tonumber(ARGV[6]), tonumber(ARGV[7])
local entries, count, more, done = {}, 0, 0, first > room.top or edge < 1
while not done do
  local chunk
  if forward then
    chunk = redis.call('XRANGE', KEYS[1], decimal(edge), '+', 'COUNT', CHUNK)
  else
    chunk = redis.call('XREVRANGE', KEYS[1], decimal(edge), '-', 'COUNT', CHUNK)
  end
  if replaced then
    chunk = merged(chunk, replacedFrom(edge))
  end
  done = #chunk < CHUNK
  local beside = {}
  if #chunk > 0 then
    local ends = { seqOf(chunk[1]), seqOf(chunk[#chunk]) }
    beside = besides(KEYS[4], math.min(unpack(ends)), math.max(unpack(ends)))
  end
  for _, entry in ipairs(chunk) do
    local fields, seq = entry[2], seqOf(entry)
    local message = joined(fields[2], beside[seq])
    room_left = room_left - #message
    if count == limit or (room_left < 0 and count > 0) then
      more = 1
      done = true
      break
    end
    count = count + 1
    entries[#entries + 1] = message
    entries[#entries + 1] = fields[4] or ''
    entries[#entries + 1] = beside[seq] and '1' or ''
    edge = forward and seq + 1 or seq - 1
  end
  done = done or edge < 1
end

return { room.epoch, room.top, room.previous, first, more, entries, room.hasMarks }

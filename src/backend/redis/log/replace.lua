-- A prelude of append.lua: replaces the members of an entry, beside the append of the notice of that. An entry of a stream
-- can neither change nor be added again under its id. So it leaves the stream, and its replacement goes to KEYS[3].
-- KEYS and ARGV as in append.lua; the nine of ARGV before its last are the entry's seq, the new members of its JSON object ('' to leave
-- those of an amended entry), '1' and what stands beside it, or '' twice for nothing, the SHA-1 of the entry as the caller read it ('' for any), the stamp as in log-store.ts, '1' if the entry no longer counts as unread, and
-- the seq and the members that are left of a superseded entry, '' for none
-- Outcomes beside those of append.lua: 6, the log does not contain the entry in that form; 7, the entry had these members
-- already, or there is no notice to append.

-- How many entries, and bytes of them, Redis puts into one node of a stream, unless it is configured otherwise.
local NODE_ENTRIES, NODE_BYTES = 100, 4096

local replacement = {}
local seqGiven, newMembers, hasBeside, beside, read, stamp, uncounted, seqEmptied, membersLeft = unpack(ARGV, #ARGV - 9)
local target, message, except, earlier

local function keep(seq, text)
  redis.call('ZADD', KEYS[3], seq, text)
end

-- XDEL only marks an entry: its bytes stay in the stream's node, and in every dump of it, until the node's last entry goes.
-- So the entries that may share a node with it leave the stream, too.
local function emptyNode(seq)
  local ids = {}
  for _, down in ipairs({ true, false }) do
    local beside
    if down then
      beside = redis.call('XREVRANGE', KEYS[1], '(' .. decimal(seq) .. '-0', decimal(math.max(0, seq - NODE_ENTRIES)), 'COUNT', NODE_ENTRIES)
    else
      beside = redis.call('XRANGE', KEYS[1], '(' .. decimal(seq) .. '-0', decimal(seq + NODE_ENTRIES), 'COUNT', NODE_ENTRIES)
    end
    local bytes = 0
    for _, entry in ipairs(beside) do
      local fields = entry[2]
      keep(string.match(entry[1], '^%d+'), (fields[4] or '') .. '\0' .. fields[2])
      ids[#ids + 1] = entry[1]
      bytes = bytes + #fields[2]
      if bytes > NODE_BYTES then
        break
      end
    end
  end
  if #ids > 0 then
    redis.call('XDEL', KEYS[1], unpack(ids))
  end
end

-- Returns the message of an entry, the excepted socket, and the entry's member of KEYS[3] if it has left the stream.
local function find(seq)
  local stored = redis.call('XRANGE', KEYS[1], seq .. '-0', seq .. '-0')[1]
  if stored then
    return stored[2][2], stored[2][4] or ''
  end
  local moved = redis.call('ZRANGE', KEYS[3], seq, seq, 'BYSCORE')[1]
  if moved then
    local to, text = string.match(moved, '^([^%z]*)%z(.*)$')
    return text, to, moved
  end
end

-- The part of a message that no replacement changes.
local function positionOf(text)
  return string.match(text, '^{"seq":%d+,"epoch":"[^"]*","id":"[^"]*","at":%d+,')
end

-- The old member goes first: the new one may be the same.
local function put(seq, text, moved)
  if moved then
    redis.call('ZREM', KEYS[3], moved)
  end
  keep(seq, text)
  redis.call('XDEL', KEYS[1], seq .. '-0')
end

-- Only reads and tidies, so that a full Redis rejects the append before anything is replaced.
function replacement.find()
  local top = tonumber(redis.call('HGET', KEYS[2], 'top') or '0')
  firstHeld(top)
  message, except, earlier = find(seqGiven)
  if not message then
    return 6
  end
  if read ~= '' then
    local known = besides(KEYS[9], seqGiven, seqGiven)[tonumber(seqGiven)]
    if redis.sha1hex(joined(message, known)) ~= read then
      return 6
    end
  end
  if newMembers ~= '' then
    target = positionOf(message) .. newMembers
  end
  if read == '' and target .. '}' == message then
    return 7
  end
  if ARGV[8] == '' then
    replacement.store(top)
    return 7
  end
end

-- `seq` and `at` are those of the notice, or the log's top without one.
function replacement.store(seq, at)
  local revision = ',"revision":' .. decimal(seq)
  if target then
    if stamp == 'edited' then
      target = target .. ',"edited":{"at":' .. decimal(at) .. ',"seq":' .. decimal(seq) .. '}'
    end
    if stamp ~= '' and hasBeside == '' then
      target = target .. revision
    end
    put(seqGiven, except .. '\0' .. target .. '}', earlier)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[9], seqGiven, seqGiven)
  if hasBeside ~= '' then
    redis.call('ZADD', KEYS[9], seqGiven, seqGiven .. '\0' .. (beside == '' and '' or ',' .. beside) .. revision)
  end
  if uncounted ~= '' then
    redis.call('ZADD', KEYS[8], seqGiven, seqGiven)
  end
  -- With another stamp, the entry says what it said before.
  if uncounted ~= '' or stamp == 'edited' then
    emptyNode(tonumber(seqGiven))
  end
  local text, to, moved = nil, nil, nil
  if seqEmptied ~= '' then
    text, to, moved = find(seqEmptied)
  end
  if text then
    put(seqEmptied, to .. '\0' .. positionOf(text) .. membersLeft .. '}', moved)
    emptyNode(tonumber(seqEmptied))
  end

  -- Replacing empties the stream, so XADD's MAXLEN alone would not bound the log.
  local kept = tonumber(ARGV[4])
  if redis.call('ZCARD', KEYS[3]) > kept then
    redis.call('XTRIM', KEYS[1], 'MINID', decimal(seq - kept + 1) .. '-0')
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', decimal(seq - kept))
  end
  local ends = redis.call('PEXPIRETIME', KEYS[1])
  if ends > 0 then
    redis.call('PEXPIREAT', KEYS[3], decimal(ends))
    redis.call('PEXPIREAT', KEYS[8], decimal(ends))
    redis.call('PEXPIREAT', KEYS[9], decimal(ends))
  end
end


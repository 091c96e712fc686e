-- A prelude of append.lua: replaces the members of an entry, and append.lua then appends the notice of that. An entry of a
-- stream can neither change nor be added again under its id. So it leaves the stream, and its replacement goes to KEYS[3].
-- KEYS and ARGV as in append.lua; the last two of ARGV are the entry's seq and the new members of its JSON object
-- Returns what append.lua returns, or the outcome 6: the log does not contain the entry; 7: the entry had these members
-- already, or there is no notice to append.

local function replaced()
  local seq, members, kept = ARGV[#ARGV - 1], ARGV[#ARGV], tonumber(ARGV[4])
  local top = tonumber(redis.call('HGET', KEYS[2], 'top') or '0')
  firstHeld(top)

  local stored = redis.call('XRANGE', KEYS[1], seq .. '-0', seq .. '-0')[1]
  local earlier = not stored and redis.call('ZRANGE', KEYS[3], seq, seq, 'BYSCORE')[1]
  local message, except
  if stored then
    message, except = stored[2][2], stored[2][4] or ''
  elseif earlier then
    except, message = string.match(earlier, '^([^%z]*)%z(.*)$')
  else
    return 6
  end

  local head = string.match(message, '^{"seq":%d+,"epoch":"[^"]*","id":"[^"]*","at":%d+,')
  local becomes = head .. members .. '}'
  if becomes == message then
    return 7
  end
  -- The first write: a full Redis rejects a script's first write, but none after it.
  redis.call('ZADD', KEYS[3], seq, except .. '\0' .. becomes)
  if earlier then
    redis.call('ZREM', KEYS[3], earlier)
  end
  redis.call('ZADD', KEYS[8], seq, seq)
  redis.call('XDEL', KEYS[1], seq .. '-0')

  -- Replacing empties the stream, so XADD's MAXLEN alone would not bound the log.
  if redis.call('ZCARD', KEYS[3]) > kept then
    redis.call('XTRIM', KEYS[1], 'MINID', decimal(top - kept + 1) .. '-0')
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', decimal(top - kept))
  end
  local ends = redis.call('PEXPIRETIME', KEYS[1])
  if ends > 0 then
    redis.call('PEXPIREAT', KEYS[3], decimal(ends))
    redis.call('PEXPIREAT', KEYS[8], decimal(ends))
  end
  return ARGV[8] == '' and 7
end

local instead = replaced()
if instead then
  return { '', 0, '', 0, instead }
end


-- Puts other members in the place of an entry's. A stream's entry cannot be changed and its id not be given again:
-- it is taken out, and what takes its place is kept beside.
-- KEYS as in log.lua   ARGV[1] the entry's seq   ARGV[2] members of its JSON object   ARGV[3] entries to keep
-- Answers 1, or 0 if the log does not hold the entry.

local seq, kept = ARGV[1], tonumber(ARGV[3])
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
  return 0
end

local head = string.match(message, '^{"seq":%d+,"epoch":"[^"]*","id":"[^"]*","at":%d+,')
local becomes = except .. '\0' .. head .. ARGV[2] .. '}'
-- First: a full Redis refuses it, but nothing more of a script that has written.
redis.call('ZADD', KEYS[3], seq, becomes)
if earlier and earlier ~= becomes then
  redis.call('ZREM', KEYS[3], earlier)
end
redis.call('XDEL', KEYS[1], seq .. '-0')

-- A stream that is emptied this way is never trimmed for its length.
if redis.call('ZCARD', KEYS[3]) > kept then
  redis.call('XTRIM', KEYS[1], 'MINID', decimal(top - kept + 1) .. '-0')
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', decimal(top - kept))
end
local ends = redis.call('PEXPIRETIME', KEYS[1])
if ends > 0 then
  redis.call('PEXPIREAT', KEYS[3], decimal(ends))
end
return 1

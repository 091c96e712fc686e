-- How much of a log one reader has not read. Stands after log.lua.
-- KEYS[1..3] as in log.lua
-- KEYS[4] readers by the seq of the newest message they said (zset)   KEYS[5] entries nobody has to read, by seq (zset)
-- ARGV[1] read up to   ARGV[2] the reader, '' for nobody known
-- Answers {top, read, unread}; read as text, for node-redis reads an integer near 2^53 wrongly.

local top = tonumber(redis.call('HGET', KEYS[2], 'top') or '0')
local read = math.max(tonumber(ARGV[1]), tonumber(redis.call('ZSCORE', KEYS[4], ARGV[2]) or '0'))
local from = math.max(read + 1, (firstHeld(top)))
local unread = 0
if from <= top then
  unread = top - from + 1 - redis.call('ZCOUNT', KEYS[5], decimal(from), decimal(top))
end
return { top, decimal(read), unread }

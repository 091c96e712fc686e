-- Raises the mark of a room's reader.
-- KEYS[1] meta, see epoch.lua   KEYS[2] readers, see append.lua
-- ARGV[1] reader   ARGV[2] the mark   ARGV[3] most readers   ARGV[4] lifetime, ms: not shorter than the log's
-- Returns 1, or 0 if the room has no log.

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
if redis.call('ZADD', KEYS[2], 'GT', ARGV[2], ARGV[1]) == 1 then
  redis.call('PEXPIRE', KEYS[2], ARGV[4], 'NX')
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, string.format('%.0f', -1 - ARGV[3]))
end
if not redis.call('HGET', KEYS[1], 'marks') then
  redis.call('HSET', KEYS[1], 'marks', '1')
end
return 1

-- Blocks a user for the owner of an inbox, or lifts that.
-- KEYS[1] the blocked users (zset of `ban:USER`, scored as a ban without an end, see restricted.lua)
-- ARGV[1] `ban:USER`   ARGV[2] '1' to block, '' to lift   ARGV[3] the most users   ARGV[4] lifetime of the key, ms, '' for ever
-- Returns 1, or 0 if there are too many already.

if ARGV[2] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return 1
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
    return 0
  end
  redis.call('ZADD', KEYS[1], 'inf', ARGV[1])
end
if ARGV[4] == '' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1

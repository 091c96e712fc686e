-- Notes a message whose mentions are about to be stored, or lists the notes of some age; see chat/inbox/mentions.ts.
-- KEYS[1] the notes (zset by the time of each, ms)
-- ARGV[1] the note; '' to list   ARGV[2] the least age of those listed, ms   ARGV[3] the most of them
-- Returns 1 for a note; the list has each note and its time behind it.

if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], clock(), ARGV[1])
  return 1
end
return redis.call('ZRANGE', KEYS[1], '-inf', clock() - ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')

-- Lists a subject of webhooks, see hook-queue.ts.
-- KEYS[1] listed subjects (zset, score 0)   KEYS[2] states (hash: `time of the last listing SPACE state` by subject)
-- ARGV[1] subject   ARGV[2] state if it is not listed yet
-- Returns its state.

local stored = redis.call('HGET', KEYS[2], ARGV[1])
local state = stored and string.match(stored, '^%d+ (.*)$') or ARGV[2]
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', clock()) .. ' ' .. state)
redis.call('ZADD', KEYS[1], '0', ARGV[1])
return state

-- Takes noted subjects, see hook-queue.ts.
-- KEYS[1] lease   KEYS[2] states   KEYS[3] noted subjects (zset by the time of the note)
-- ARGV[1] holder   ARGV[2] how many at most
-- Returns {subject, state, subject, state, …}.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {}
end
local taken = {}
for _, subject in ipairs(redis.call('ZRANGE', KEYS[3], 0, ARGV[2] - 1)) do
  redis.call('ZREM', KEYS[3], subject)
  local stored = redis.call('HGET', KEYS[2], subject)
  if stored then
    taken[#taken + 1] = subject
    taken[#taken + 1] = string.match(stored, '^%d+ (.*)$')
  end
end
return taken

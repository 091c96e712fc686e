-- Lists the subjects behind another one, see hook-queue.ts.
-- KEYS[1] listed subjects   KEYS[2] states   ARGV[1] beginning of the range, as ZRANGEBYLEX takes it   ARGV[2] how many
-- Returns {subject, state, ms since it was listed, …}.

local now, listed = clock(), {}
for _, subject in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  local at, state = string.match(redis.call('HGET', KEYS[2], subject) or '', '^(%d+) (.*)$')
  if at then
    listed[#listed + 1] = subject
    listed[#listed + 1] = state
    listed[#listed + 1] = math.max(0, now - at)
  end
end
return listed

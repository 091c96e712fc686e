-- Raises an inbox's markers, never past its end, and records when each was raised.
-- KEYS[1] meta, as in epoch.lua   KEYS[2..4] the steps of sent, recv and read (zsets of `seq at` by seq)
-- ARGV[1..3] where each of them moves to, 0 to leave it   ARGV[4] lifetime of the keys, ms   ARGV[5] steps to keep of each
-- Returns {recv, read, news, recv before, read before}: where those markers stand; `news` is the marker of announcements.
-- The steps expire together with meta. Steps of an earlier epoch would give wrong times for the items of the next one.

local meta = redis.call('HMGET', KEYS[1], 'top', 'at', 'news', 'sent', 'recv', 'read')
local top = tonumber(meta[1] or '0')
local now = math.max(clock(), tonumber(meta[2] or '0'))

local goals = { tonumber(ARGV[1]), math.max(ARGV[2], ARGV[3]), tonumber(ARGV[3]) }
local markers, raised = {}, false
for index, name in ipairs({ 'sent', 'recv', 'read' }) do
  local steps = KEYS[1 + index]
  local marker = tonumber(meta[3 + index] or '0')
  local goal = math.min(goals[index], top)
  if goal > marker then
    local first = marker == 0
    marker = goal
    -- This write comes first: a full Redis rejects a script's first write, but none that follow a write of the same script.
    redis.call('HSET', KEYS[1], name, string.format('%.0f', marker))
    if first then
      redis.call('DEL', steps)
    end
    local last = redis.call('ZRANGE', steps, -1, -1)[1]
    local at = math.max(now, last and tonumber(string.match(last, '%d+$')) or 0)
    redis.call('ZADD', steps, string.format('%.0f', marker), string.format('%.0f %.0f', marker, at))
    redis.call('ZREMRANGEBYRANK', steps, 0, -1 - ARGV[5])
    raised = true
  end
  markers[index] = marker
end

if raised then
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ARGV[4])
  end
end
return { markers[2], markers[3], meta[3] or '', tonumber(meta[5] or '0'), tonumber(meta[6] or '0') }

-- Moves an inbox's marks up, never down and never past its end, and notes when.
-- KEYS[1] meta, as in epoch.lua   KEYS[2..4] the steps of sent, recv and read (zsets of `seq at` by seq)
-- ARGV[1..3] where each of them goes, 0 to leave it   ARGV[4] how long meta lives without use, ms   ARGV[5] steps kept
-- Answers {recv, read, news}.
-- The steps end when meta does: those of numbers that are gone would tell of items of the next ones.

local meta = redis.call('HMGET', KEYS[1], 'top', 'at', 'news', 'sent', 'recv', 'read')
local top = tonumber(meta[1] or '0')
local now = math.max(clock(), tonumber(meta[2] or '0'))

local goals = { tonumber(ARGV[1]), math.max(ARGV[2], ARGV[3]), tonumber(ARGV[3]) }
local marks, rose = {}, false
for index, name in ipairs({ 'sent', 'recv', 'read' }) do
  local steps = KEYS[1 + index]
  local mark = tonumber(meta[3 + index] or '0')
  local goal = math.min(goals[index], top)
  if goal > mark then
    local first = mark == 0
    mark = goal
    -- First: a full Redis refuses it, but nothing more of a script that has written.
    redis.call('HSET', KEYS[1], name, string.format('%.0f', mark))
    if first then
      redis.call('DEL', steps)
    end
    local last = redis.call('ZRANGE', steps, -1, -1)[1]
    local at = math.max(now, last and tonumber(string.match(last, '%d+$')) or 0)
    redis.call('ZADD', steps, string.format('%.0f', mark), string.format('%.0f %.0f', mark, at))
    redis.call('ZREMRANGEBYRANK', steps, 0, -1 - ARGV[5])
    rose = true
  end
  marks[index] = mark
end

if rose then
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ARGV[4])
  end
end
return { marks[2], marks[3], meta[3] or '' }

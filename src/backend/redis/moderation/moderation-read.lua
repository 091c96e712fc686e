-- How a user is restricted in a room.
-- KEYS[1] as in restricted.lua   ARGV[1] `ban:USER`   ARGV[2] `mute:USER`
-- Answers when each of them ends: 0 for no end, -1 if there is none.

local now = clock()
local answer = {}
for index, ends in ipairs(redis.call('ZMSCORE', KEYS[1], ARGV[1], ARGV[2])) do
  local left = leftOf(ends, now)
  answer[index] = left and (left == 0 and 0 or now + left) or -1
end
return answer

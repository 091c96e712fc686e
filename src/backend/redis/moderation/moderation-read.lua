-- Reads whether a user is banned from a room or muted in it.
-- KEYS[1] as in restricted.lua   ARGV[1] `ban:USER`   ARGV[2] `mute:USER`
-- Returns when the ban and the mute end, ms: 0 for never, -1 if there is none.

local now = clock()
local endings = {}
for index, ends in ipairs(redis.call('ZMSCORE', KEYS[1], ARGV[1], ARGV[2])) do
  local left = leftOf(ends, now)
  endings[index] = left and (left == 0 and 0 or now + left) or -1
end
return endings

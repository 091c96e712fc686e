-- Reads whether a user is banned from a room or muted in it.
-- KEYS[1] as in restricted.lua   ARGV[1] `ban:USER`   ARGV[2] `mute:USER`
-- ARGV[3], ARGV[4] the same by the hash of the user id, see hashed-restrictions.lua
-- Returns when the ban and the mute end, ms: 0 for never, -1 if there is none.

local now = clock()
local found = redis.call('ZMSCORE', KEYS[1], unpack(ARGV))
local endings = {}
for index = 1, 2 do
  local left = leftOf(found[index] or found[index + 2], now)
  endings[index] = left and (left == 0 and 0 or now + left) or -1
end
return endings

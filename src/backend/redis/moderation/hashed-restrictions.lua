-- A prelude of the scripts that restrict a user or admit one to a room.
-- The embedded store names users of restrictions by a hash only, so those that were moved from there are `ban#HASH` and
-- `mute#HASH` at first. A user enters a room before saying anything there, so append.lua need not look for them.

-- Names a user's restrictions by the user.
local function adoptHashed(key, user, hash)
  local hashed = redis.call('ZMSCORE', key, 'ban#' .. hash, 'mute#' .. hash)
  for index, kind in ipairs({ 'ban', 'mute' }) do
    if hashed[index] then
      redis.call('ZADD', key, hashed[index], kind .. ':' .. user)
      redis.call('ZREM', key, kind .. '#' .. hash)
    end
  end
end

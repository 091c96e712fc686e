-- A prelude, after clock.lua, of the scripts that check bans and mutes in a room. They are a zset of `ban:USER` and `mute:USER`,
-- scored by the time each ends, ms; `inf` for one that holds until it is lifted. Some may be
-- `ban#HASH` and `mute#HASH`, see hashed-restrictions.lua.

-- Returns the ms left of a restriction by its score: 0 if it never ends, nil if it is over or there is none.
local function leftOf(ends, now)
  if ends == 'inf' then
    return 0
  end
  local left = (tonumber(ends or '0') or 0) - now
  return left > 0 and left or nil
end

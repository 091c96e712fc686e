-- Stands, after clock.lua, before the scripts that ask who is restricted in a room: a zset of `ban:USER` and `mute:USER` by the
-- time each ends, ms, `inf` for those that hold until they are lifted.

-- What is left of a restriction that ends then, ms; 0: it has no end. Nil: it is over, or there is none.
local function leftOf(ends, now)
  if ends == 'inf' then
    return 0
  end
  local left = (tonumber(ends or '0') or 0) - now
  return left > 0 and left or nil
end


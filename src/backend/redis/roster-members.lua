-- One page of who is in a room, by user id.
-- KEYS[1..2] as in roster-room.lua
-- ARGV[1] where the page begins (ZRANGEBYLEX)   ARGV[2] as in roster-room.lua   ARGV[3] most users
-- Answers {more, last id, {id, user, id, user, …}}.

local limit = tonumber(ARGV[3])
local ids = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, limit + 1)
local more = #ids > limit
if more then
  table.remove(ids)
end

local persons, missing = {}, ids
for _, boot in ipairs(redis.call('HKEYS', KEYS[1])) do
  if #missing == 0 then
    break
  end
  local found = redis.call('HMGET', ARGV[2] .. boot, unpack(missing))
  local left = {}
  for index, id in ipairs(missing) do
    if found[index] then
      persons[id] = found[index]
    else
      left[#left + 1] = id
    end
  end
  missing = left
end

local page = {}
for _, id in ipairs(ids) do
  if persons[id] then
    page[#page + 1] = id
    page[#page + 1] = persons[id]
  end
end
return { more and 1 or 0, ids[#ids] or '', page }

-- Returns one page of a room's users, by user id, with the instances that have them.
-- KEYS[1..2] as in roster-room.lua   KEYS[3] as KEYS[5] in roster-changes.lua
-- ARGV[1] where the page begins (ZRANGEBYLEX)   ARGV[2] as in roster-room.lua   ARGV[3] most users
-- Returns {rev, more, last id, {instance, instance, …}, {id, {index of instance, user, index, user, …}, id, …}}.

local limit = tonumber(ARGV[3])
local ids = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, limit + 1)
local more = #ids > limit
if more then
  table.remove(ids)
end

-- Instances that lost the roster have not all reported again, see roster-changes.lua.
if redis.call('HEXISTS', KEYS[3], 'until') == 1 then
  redis.pcall('HSET', KEYS[3], 'partly', '1')
end

local page, instances = {}, {}
if #ids > 0 then
  for index, id in ipairs(ids) do
    page[2 * index - 1] = id
    page[2 * index] = {}
  end
  instances = redis.call('HKEYS', KEYS[1])
  for number, instance in ipairs(instances) do
    for index, person in ipairs(redis.call('HMGET', ARGV[2] .. instance, unpack(ids))) do
      if person then
        local presences = page[2 * index]
        presences[#presences + 1] = number
        presences[#presences + 1] = person
      end
    end
  end
end
return { tonumber(redis.call('HGET', KEYS[3], 'rev') or '0'), more and 1 or 0, ids[#ids] or '', instances, page }

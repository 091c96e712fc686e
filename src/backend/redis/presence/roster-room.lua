-- A prelude of the scripts that change who is in a room.
-- KEYS[1] connections by instance (hash)   KEYS[2] users (zset, all of score 0)
-- KEYS[3] names (zset of `username NUL id`, all of score 0)
-- KEYS[4] users of this instance (hash id -> `connections NUL username`, perhaps `NUL avatar` behind it)
-- KEYS[5..6], ARGV[4..11] as in roster-changes.lua
-- ARGV[1] instance id   ARGV[2] prefix of every instance's KEYS[4]   ARGV[3] lifetime of the keys, ms
-- The scripts look up where a user is and keep no counters, which repeated or lost calls would make drift.

local others

local function nameOf(person)
  return string.match(person, '^%d+%z([^%z]*)')
end

-- Returns whether another instance has the user in the room, and whether one of them has the user under that name.
local function elsewhere(id, name)
  others = others or redis.call('HKEYS', KEYS[1])
  local present, named = false, false
  for _, other in ipairs(others) do
    local person = other ~= ARGV[1] and redis.call('HGET', ARGV[2] .. other, id)
    if person then
      present = true
      named = named or nameOf(person) == name
    end
  end
  return present, named
end

-- Takes the user out on this instance. Returns 1 if no instance has the user in the room any more.
local function takeOut(id, person)
  local name = person and nameOf(person)
  local present, named = elsewhere(id, name)
  if name and not named then
    redis.call('ZREM', KEYS[3], name .. '\0' .. id)
  end
  if present then
    return 0
  end
  return redis.call('ZREM', KEYS[2], id)
end

local function countRoom()
  local clients = 0
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
    clients = clients + count
  end
  for index = 1, 4 do
    redis.call('PEXPIRE', KEYS[index], ARGV[3])
  end
  return redis.call('ZCARD', KEYS[2]), clients
end

-- Stands before roster-enter.lua and roster-exit.lua: what both answer of a room, and how long its keys stay.
-- KEYS[1] connections by boot (hash)   KEYS[2] users of the room (set)   ARGV[3] lifetime of the keys, ms

local function countRoom()
  local clients = 0
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
    clients = clients + count
  end
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ARGV[3])
  end
  return redis.call('SCARD', KEYS[2]), clients
end

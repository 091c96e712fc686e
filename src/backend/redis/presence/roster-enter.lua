-- Enters a user into the room on this instance, which then has so many connections there.
-- KEYS[1..6], ARGV[1..8] as in roster-room.lua   KEYS[7] as in restricted.lua   ARGV[9] connections   ARGV[10] user id
-- ARGV[11] username   ARGV[12] the user's value in KEYS[4]
-- ARGV[13] the most connections the call may bring the room to, 0 for any number   ARGV[14] the user's connections here
-- ARGV[15] the hash of the user id, see hashed-restrictions.lua
-- Returns {users, connections, changed, wait, refused, left}. changed: 1 if no instance had the user in the room before.
-- wait: ms until the room is notified of its pending changes, 0 if there are none. refused: 1 banned, for `left` ms more
-- (0 for no end); 2 the room is full. A refused call changes nothing in the room. The first connection here of a user who is in the room
-- on another instance always fits, and counts as one more.

adoptHashed(KEYS[7], ARGV[10], ARGV[15])
local ends = redis.call('ZSCORE', KEYS[7], 'ban:' .. ARGV[10])
local left = ends and leftOf(ends, clock())
if left then
  return { 0, 0, 0, 0, 1, left }
end

local most, clients_here = tonumber(ARGV[13]), ARGV[9]
if most > 0 then
  local here = redis.call('HGET', KEYS[1], ARGV[1]) or 0
  local added = ARGV[9] - here
  local total = added
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
    total = total + count
  end
  if added > 0 and total > most then
    local moves = ARGV[14] == '1' and redis.call('HEXISTS', KEYS[4], ARGV[10]) == 0 and elsewhere(ARGV[10])
    if not moves then
      return { 0, 0, 0, 0, 2, 0 }
    end
    clients_here = here + 1
  end
end

local before = redis.call('HGET', KEYS[4], ARGV[10])
redis.call('HSET', KEYS[4], ARGV[10], ARGV[12])
redis.call('HSET', KEYS[1], ARGV[1], clients_here)
local changed = redis.call('ZADD', KEYS[2], 0, ARGV[10])
local oldName = before and nameOf(before)
if oldName and oldName ~= ARGV[11] then
  local _, named = elsewhere(ARGV[10], oldName)
  if not named then
    redis.call('ZREM', KEYS[3], oldName .. '\0' .. ARGV[10])
  end
end
redis.call('ZADD', KEYS[3], 0, ARGV[11] .. '\0' .. ARGV[10])
if changed == 1 then
  addChange('+', ARGV[10], ARGV[12])
elseif before and string.match(before, '%z.*') ~= string.match(ARGV[12], '%z.*') then
  addChange('=', ARGV[10], ARGV[12])
end
local users, clients = countRoom()
return { users, clients, changed, notifyRoom(users, clients), 0, 0 }

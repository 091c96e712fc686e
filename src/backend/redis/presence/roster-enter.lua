-- Enters a user into the room on this instance, which then has so many connections there.
-- KEYS[1..6], ARGV[1..11] as in roster-room.lua   KEYS[7] as in restricted.lua   ARGV[12] connections   ARGV[13] user id
-- ARGV[14] username   ARGV[15] the user's value in KEYS[4]
-- ARGV[16] the most connections the call may bring the room to, 0 for any number   ARGV[17] the user's connections here
-- ARGV[18] '1' if the members know of the user: this instance had the user in the room before the roster lost it. It counts
-- only while the room holds changes back: afterwards, the user's departure may have been announced.
-- ARGV[19] the hash of the user id, see hashed-restrictions.lua
-- Returns {users, connections, changed, wait, refused, left, here}. changed: 1 if no instance had the user in the room before
-- and the change is not held back. here: 1 if this instance had the user in the room before.
-- wait: ms until the room is notified of its pending changes, 0 if there are none. refused: 1 banned, for `left` ms more
-- (0 for no end); 2 the room is full. A refused call changes nothing in the room. The first connection here of a user who is in the room
-- on another instance always fits, and counts as one more.

adoptHashed(KEYS[7], ARGV[13], ARGV[19])
local ends = redis.call('ZSCORE', KEYS[7], 'ban:' .. ARGV[13])
local left = ends and leftOf(ends, clock())
if left then
  return { 0, 0, 0, 0, 1, left, 0 }
end

local most, clients_here = tonumber(ARGV[16]), ARGV[12]
if most > 0 then
  local here = redis.call('HGET', KEYS[1], ARGV[1]) or 0
  local added = ARGV[12] - here
  local total = added
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
    total = total + count
  end
  if added > 0 and total > most then
    local moves = ARGV[17] == '1' and redis.call('HEXISTS', KEYS[4], ARGV[13]) == 0 and elsewhere(ARGV[13])
    if not moves then
      return { 0, 0, 0, 0, 2, 0, 0 }
    end
    clients_here = here + 1
  end
end

openChanges()
local known = settlesAt and ARGV[18] == '1'
local before = redis.call('HGET', KEYS[4], ARGV[13])
redis.call('HSET', KEYS[4], ARGV[13], ARGV[15])
redis.call('HSET', KEYS[1], ARGV[1], clients_here)
local changed = redis.call('ZADD', KEYS[2], 0, ARGV[13])
local oldName = before and nameOf(before)
if oldName and oldName ~= ARGV[14] then
  local _, named = elsewhere(ARGV[13], oldName)
  if not named then
    redis.call('ZREM', KEYS[3], oldName .. '\0' .. ARGV[13])
  end
end
redis.call('ZADD', KEYS[3], 0, ARGV[14] .. '\0' .. ARGV[13])
if known and not before then
  dropChange(ARGV[13])
  changed = 0
elseif changed == 1 then
  addChange('+', ARGV[13], ARGV[15])
elseif before and string.match(before, '%z.*') ~= string.match(ARGV[15], '%z.*') then
  addChange('=', ARGV[13], ARGV[15])
end
if settlesAt then
  changed = 0
  if not known then
    redis.pcall('HSET', KEYS[5], 'partly', '1')
  end
end
local users, clients = countRoom()
return { users, clients, changed, notifyRoom(users, clients), 0, 0, before and 1 or 0 }

-- Takes a user out of the room on this instance, or only sets the instance's number of connections.
-- KEYS, ARGV[1..11] as in roster-room.lua   ARGV[12] connections   ARGV[13] user id, '' to remove no user
-- ARGV[14] the user's value in KEYS[4] if the members know of the user, otherwise ''
-- ARGV[15] names the event that this step publishes: 'quit' that the user left, 'join' that the user is there on another
-- instance, which the members have not been told, '' none; 'told' if the members have been told that the user left, which
-- the store has lost since
-- Returns {users, connections, changed, wait, vacant}. changed: 1 if no other instance has the user in the room and the
-- change is not held back. wait: as in roster-enter.lua. vacant: 1 if this instance has nothing left in the room.
-- An instance that is not in the room stays out: this may be the last command of a dead one that was reaped already.

openChanges()
local changed = 0
local person, stays
if ARGV[13] ~= '' then
  person = redis.call('HGET', KEYS[4], ARGV[13])
  redis.call('HDEL', KEYS[4], ARGV[13])
  changed = takeOut(ARGV[13], person)
  stays = person and changed == 0
  -- The roster lost the user, who left before this instance could report them again.
  if settlesAt and not person and ARGV[14] ~= '' and not elsewhere(ARGV[13]) then
    person = ARGV[14]
    changed = 1
  end
  if changed == 1 and not (ARGV[15] == 'told' and settlesAt) then
    addChange('-', ARGV[13], person or '0\0')
  end
end

local vacant = ARGV[12] == '0' and redis.call('EXISTS', KEYS[4]) == 0
if vacant then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  -- `pcall`, because a full Redis rejects this write, and the departure above must still be returned.
  redis.pcall('HSET', KEYS[1], ARGV[1], ARGV[12])
end
if settlesAt then
  changed = 0
end
local users, clients = countRoom()
local wait = notifyRoom(users, clients)
if changed == 1 and ARGV[15] == 'quit' then
  publishEvent('broadcast_quit', clients, personJson(ARGV[13], person or ARGV[14] ~= '' and ARGV[14] or '0\0'))
elseif stays and ARGV[15] == 'join' and not settlesAt then
  publishEvent('join', clients, personJson(ARGV[13], person))
end
return { users, clients, changed, wait, vacant and 1 or 0 }

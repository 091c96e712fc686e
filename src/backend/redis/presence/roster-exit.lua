-- A user is no longer in the room on this instance, or only the instance's number of connections changed.
-- KEYS, ARGV[1..8] as in roster-room.lua   ARGV[9] connections   ARGV[10] user id, '' to change nobody's presence
-- Answers {users, connections, changed, wait, vacant}; changed: the user is nowhere else in the room either;
-- wait as in roster-enter.lua; vacant: nothing of this instance is left in the room.
-- An instance that is not in the room does not come in by this: it may be a dead one's last word, after its reap.

local changed = 0
if ARGV[10] ~= '' then
  local person = redis.call('HGET', KEYS[4], ARGV[10])
  redis.call('HDEL', KEYS[4], ARGV[10])
  changed = takeOut(ARGV[10], person)
  if changed == 1 then
    note('-', ARGV[10], person or '0\0')
  end
end

local vacant = ARGV[9] == '0' and redis.call('EXISTS', KEYS[4]) == 0
if vacant then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  -- Not `call`: a full Redis refuses this one, and the departure above has to be answered.
  redis.pcall('HSET', KEYS[1], ARGV[1], ARGV[9])
end
local users, clients = countRoom()
return { users, clients, changed, notifyRoom(users, clients), vacant and 1 or 0 }

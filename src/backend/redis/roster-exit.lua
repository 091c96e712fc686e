-- A user is no longer in the room on this boot, or only the boot's number of connections changed.
-- KEYS, ARGV[1..3] as in roster-enter.lua   ARGV[4] user id, '' to change nobody's presence
-- ARGV[5] what the third key of any boot begins with
-- Answers {users, connections, changed, vacant}; changed: the user is nowhere else in the room either;
-- vacant: nothing of this boot is left in the room.
-- Where a user is, is looked up and never counted: a repeated or lost call cannot make a counter drift.
-- A boot that is not in the room does not come in by this: it may be a dead one's last word, after its sweep.

local changed = 0
if ARGV[4] ~= '' then
  redis.call('HDEL', KEYS[3], ARGV[4])
  local elsewhere = false
  for _, boot in ipairs(redis.call('HKEYS', KEYS[1])) do
    elsewhere = elsewhere or redis.call('HEXISTS', ARGV[5] .. boot, ARGV[4]) == 1
  end
  if not elsewhere then
    changed = redis.call('SREM', KEYS[2], ARGV[4])
  end
end

local vacant = ARGV[2] == '0' and redis.call('EXISTS', KEYS[3]) == 0
if vacant then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  -- Not `call`: a full Redis refuses this one, and the departure above has to be answered.
  redis.pcall('HSET', KEYS[1], ARGV[1], ARGV[2])
end
local users, clients = countRoom()
return { users, clients, changed, vacant and 1 or 0 }

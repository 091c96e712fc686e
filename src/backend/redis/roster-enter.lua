-- A user is in the room on this boot, which has that many connections in it.
-- KEYS[1] connections by boot (hash)   KEYS[2] users of the room (set)   KEYS[3] users of this boot (hash id -> JSON)
-- ARGV[1] boot   ARGV[2] connections   ARGV[3] lifetime of the keys, ms   ARGV[4] user id   ARGV[5] the user's JSON
-- Answers {users, connections, changed}; changed: the user was in the room nowhere before.

redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local changed = redis.call('SADD', KEYS[2], ARGV[4])
local users, clients = countRoom()
return { users, clients, changed }

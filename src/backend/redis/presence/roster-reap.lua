-- Takes a dead instance out of one room.
-- KEYS, ARGV[1..11] as in roster-room.lua   ARGV[12] '1' if the members have been told that its users left: the store lost that
-- Returns {connections left, wait, {id, user, id, user, …}}: the users who are now gone from the room, whose departures are
-- published. A second run returns none. wait: as in roster-enter.lua.

openChanges()
local told = ARGV[12] == '1'
local users = redis.call('HGETALL', KEYS[4])
redis.call('DEL', KEYS[4])
redis.call('HDEL', KEYS[1], ARGV[1])
local gone = {}
for index = 1, #users, 2 do
  local id, person = users[index], users[index + 1]
  if takeOut(id, person) == 1 and not (told and settlesAt) then
    addChange('-', id, person)
    if not told and not settlesAt then
      gone[#gone + 1] = id
      gone[#gone + 1] = person
    end
  end
end
local left, clients = countRoom()
local wait = notifyRoom(left, clients)
for index = 1, #gone, 2 do
  publishEvent('broadcast_quit', clients, personJson(gone[index], gone[index + 1]))
end
return { clients, wait, gone }

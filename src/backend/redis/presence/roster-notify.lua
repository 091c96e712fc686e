-- Notifies a room of its pending changes if it is time.
-- KEYS, ARGV[1..11] as in roster-room.lua
-- Returns {wait, held, connections}. wait, held: as in roster-enter.lua.

openChanges()
local users, clients = countRoom()
return { notifyRoom(users, clients), heldBack, clients }

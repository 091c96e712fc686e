-- Notifies a room of its pending changes if it is time.
-- KEYS, ARGV[1..11] as in roster-room.lua
-- Returns the ms until the room's next turn, 0 if nothing is pending.

openChanges()
return notifyRoom(countRoom())

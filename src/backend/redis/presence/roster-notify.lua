-- Notifies a room of its pending changes if it is time.
-- KEYS, ARGV[1..8] as in roster-room.lua
-- Returns `wait` of roster-enter.lua.

return notifyRoom(countRoom())

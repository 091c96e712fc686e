-- Tells a room what is gathered, if it is time.
-- KEYS, ARGV[1..8] as in roster-room.lua
-- Answers how long to wait, as roster-enter.lua does.

return notifyRoom(countRoom())

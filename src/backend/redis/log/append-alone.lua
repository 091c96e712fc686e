-- A prelude of append.lua in the place of replace.lua: the append replaces no entry.

local replacement


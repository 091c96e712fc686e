-- A prelude of append.lua: the bounds of an inbox that nobody has opened, see chat/unopened-inbox.ts.
-- KEYS[10] and KEYS[11], of an inbox: the rooms that its user has joined, and the user's connections
-- ARGV[20] who appends: 'person' puts an item into somebody's inbox, 'other' anything else into one, '' into another log
-- ARGV[21], ARGV[22] most items and bytes   ARGV[23], ARGV[24] lifetimes of the log and of meta, ms
-- The field `unopened` of meta has the number of items and their bytes. Meta of earlier versions has neither it nor `opened`,
-- and then the inbox counts as opened once it has had an item.

-- Returns the field's next value, '' if the inbox is opened, or false if it takes no further item.
local function unopenedWith(room, bytes)
  local isNew = room.top == 0 and not room.opened
  if ARGV[20] ~= 'person' or not (room.unopened or isNew) or redis.call('EXISTS', KEYS[10], KEYS[11]) > 0 then
    return ''
  end
  local items, held = string.match(room.unopened or '', '^(%d+) (%d+)$')
  items, held = tonumber(items or '0'), tonumber(held or '0')
  if items > 0 and redis.call('EXISTS', KEYS[1]) == 0 then
    items, held = 0, 0
  end
  if items > 0 and (items >= tonumber(ARGV[21]) or held + bytes > tonumber(ARGV[22])) then
    return false
  end
  return decimal(items + 1) .. ' ' .. decimal(held + bytes)
end


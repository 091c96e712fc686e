-- Elects the process that counts again, see shared-count.ts: the first to ask for a count's successor.
-- KEYS[1] the turn: the count whose successor was asked for, and who was elected
-- ARGV[1] the count, as it stands in the store, '' if there is none   ARGV[2] lifetime of KEYS[1], ms; '0' gives the turn back
-- ARGV[3] names this turn, so that nobody gives back another one
-- Returns 1 for the first, and for the turn given back.

local turn = redis.call('GET', KEYS[1])
local mine = ARGV[1] .. '|' .. ARGV[3]
if ARGV[2] == '0' then
  return turn == mine and redis.call('DEL', KEYS[1]) or 0
end
if turn and string.match(turn, '^[^|]*') == ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], mine, 'PX', ARGV[2])
return 1

-- A prelude of append.lua: the logs that a nearly full server takes nothing for, see memory-watch.ts.
-- KEYS and ARGV as in unopened.lua; ARGV[25] '1' if the server is nearly full and a person begins the log, if it is a new one

local function isUnwelcome()
  local meta = redis.call('HMGET', KEYS[2], 'top', 'unopened', 'opened')
  local isNew = tonumber(meta[1] or '0') == 0
  if ARGV[20] == '' then
    return isNew
  end
  return (meta[2] or (isNew and not meta[3])) and redis.call('EXISTS', KEYS[10], KEYS[11]) == 0
end


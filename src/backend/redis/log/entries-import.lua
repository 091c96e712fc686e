-- After log.lua: adds entries that another store had to a log, oldest first. It may be repeated: entries that the log has stay.
-- KEYS[1] log (stream)   ARGV[1] when the log expires, ms since 1970   ARGV[2], … seq, message, excepted socket ('' for none),
-- seq, …
-- Returns the number of entries added.

local tail = tailOf(KEYS[1])
local added = 0
for index = 2, #ARGV, 3 do
  if tonumber(ARGV[index]) > tail then
    local fields = { 'm', ARGV[index + 1] }
    if ARGV[index + 2] ~= '' then
      fields = { 'm', ARGV[index + 1], 'x', ARGV[index + 2] }
    end
    redis.call('XADD', KEYS[1], ARGV[index] .. '-0', unpack(fields))
    added = added + 1
  end
end
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return added

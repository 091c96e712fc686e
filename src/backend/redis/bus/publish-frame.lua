-- A prelude of the scripts that publish.
-- The last ARGV is `stamp key` as in frame-mac.ts, '' if frames are not signed.

local published = 0

-- Publishes a frame, which is a JSON object.
local function publishFrame(channel, frame)
  local stamp, key = string.match(ARGV[#ARGV], '^(%S+) (%S+)$')
  if stamp then
    local part = tostring(published)
    published = published + 1
    local body = string.sub(frame, 1, -2)
    local tag = redis.sha1hex(key .. redis.sha1hex(key .. part .. '.' .. body))
    frame = body .. ',"bus":"' .. stamp .. '.' .. part .. '.' .. tag .. '"}'
  end
  redis.call('SPUBLISH', channel, frame)
end

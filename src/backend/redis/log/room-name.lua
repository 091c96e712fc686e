-- Returns the roomid in the newest entry of a log; '' for a log whose entries have none, as an inbox's.
-- KEYS[1] log (stream)   KEYS[2] replaced entries, see log.lua
-- No other text of an entry leaves Redis.
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local message = newest and newest[2][2] or redis.call('ZRANGE', KEYS[2], -1, -1)[1]
return message and string.match(message, '"roomid":"([^"]*)"') or ''

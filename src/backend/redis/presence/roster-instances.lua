-- Returns all listed instances, and the time.
-- KEYS[1] instances, as in roster-heartbeat.lua
-- Returns {ms, {instance, record, instance, …}}.

return { string.format('%.0f', clock()), redis.call('HGETALL', KEYS[1]) }

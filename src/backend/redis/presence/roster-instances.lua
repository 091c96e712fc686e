-- All instances that are listed, and what time it is.
-- KEYS[1] instances, as in roster-heartbeat.lua
-- Answers {ms, {instance, record, instance, …}}.

return { string.format('%.0f', clock()), redis.call('HGETALL', KEYS[1]) }

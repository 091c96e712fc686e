-- All boots that are listed, and what time it is.
-- KEYS[1] boots, as in roster-renew.lua
-- Answers {ms, {boot, record, boot, …}}.

return { string.format('%.0f', clock()), redis.call('HGETALL', KEYS[1]) }

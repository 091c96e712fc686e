-- All places of a push, as one flat list: a client's map of them would lose a user called `__proto__`.
-- KEYS[1] places (hash)

return redis.call('HGETALL', KEYS[1])

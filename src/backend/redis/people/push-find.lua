-- Returns a push's hash as one flat list: an object made from a reply of HGETALL would lose a user called `__proto__`.
-- KEYS[1] positions (hash: user id -> `seq at epoch`; '' -> the namespace)

return redis.call('HGETALL', KEYS[1])

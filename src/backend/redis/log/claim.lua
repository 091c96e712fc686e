-- Claims a key for a write that may be sent twice; see idempotency.ts.
-- KEYS[1] claim (hash: id, print, answer)   KEYS[2] the attempt under way (string)
-- ARGV[1] id of this attempt   ARGV[2] fingerprint   ARGV[3] lifetime of the claim, ms   ARGV[4] lease of the attempt, ms
-- Returns {state, text}: granted and the operation's id, running, answered and the answer, or mismatch.

local id, print, answer = unpack(redis.call('HMGET', KEYS[1], 'id', 'print', 'answer'))
if not id then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'print', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
  return { 'granted', ARGV[1] }
end
if print ~= ARGV[2] then
  return { 'mismatch', '' }
end
if answer then
  return { 'answered', answer }
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[4]) then
  return { 'granted', id }
end
return { 'running', '' }

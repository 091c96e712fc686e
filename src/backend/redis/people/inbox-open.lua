-- The user of an inbox opens it, see chat/unopened-inbox.ts.
-- KEYS[1] meta, as in epoch.lua   KEYS[2] log   ARGV[1], ARGV[2] lifetimes of the log and of meta from now on, ms

redis.call('HSET', KEYS[1], 'opened', string.format('%.0f', clock()))
if redis.call('HDEL', KEYS[1], 'unopened') == 1 then
  -- The next append extends everything else.
  redis.call('HDEL', KEYS[1], 'kept')
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1

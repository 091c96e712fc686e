import { expect, it } from 'vitest';
import type { RedisCall } from '../../../src/backend/redis-calls.ts';
import { draftOf, granted, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';

it('each reply of Redis is counted as what the call does, with the time since it was written', async () => {
  const redis = await redisForTest();
  const times = new Map<RedisCall, number[]>();
  const timesOf = (call: RedisCall) => times.get(call) ?? [];
  const peer = await peerForTest(redis.url, {
    rateAdmit: 10,
    onRedisReply: (call, ms) => times.set(call, [...timesOf(call), ms]),
  });
  const room = newRoom();
  granted(await peer.roster.heartbeat(1));
  times.clear();
  granted(await peer.logs.append(room, draftOf(room, 'hello')));
  granted(await peer.moderation.restrict(room, 'ann', 'mute'));
  granted(await peer.connects.enter('ann'));
  expect(timesOf('append')).toHaveLength(1);
  expect(timesOf('moderation')).toHaveLength(1);
  expect(timesOf('admission')).toHaveLength(1);
  granted(await peer.roster.enter(room, { userId: 'ann', username: 'Ann' }, 1, 1));
  expect(timesOf('presence')).toHaveLength(1);
  // It lists its instance again, and the room in its index.
  for (const call of ['lease', 'command'] as const) expect(timesOf(call).length).toBeGreaterThan(0);
  for (const ms of [...times.values()].flat()) expect(ms).toBeGreaterThan(0);

  const before = timesOf('append').length;
  await redis.stop();
  expect((await peer.logs.append(room, draftOf(room, 'lost'))).ok).toBe(false);
  expect(timesOf('append')).toHaveLength(before);
});

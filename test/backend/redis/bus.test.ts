import { expect, it, onTestFinished } from 'vitest';
import { granted, listen, newRoom } from '../../contract/peers.ts';
import { openRedisPeer, redisForTest } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

it('a join while Redis is frozen is announced once, and the caller does not repeat it', async () => {
  const redis = await redisForTest();
  const peer = await openRedisPeer(redis.url);
  onTestFinished(() => peer.close());
  onTestFinished(() => redis.thaw());
  const room = newRoom();
  const { told: heard } = await listen(peer, room);
  const move = { event: 'join', user: { userId: 'ann', username: 'Ann' } } as const;
  redis.freeze();
  granted(await peer.bus.notify(room, move));
  expect(heard).toEqual([]);
  redis.thaw();
  await eventually(() => expect(heard).toEqual([move]));
  await redis.kill9();
  await eventually(async () => expect((await peer.bus.notify(room, move)).ok).toBe(false));
});

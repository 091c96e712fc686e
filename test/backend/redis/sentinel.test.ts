import { expect, it, onTestFinished } from 'vitest';
import type { DroppedFrame } from '../../../src/backend/dropped-frames.ts';
import { append, arrivalOf, listen, newRoom, read, textsOf } from '../../contract/peers.ts';
import { peerForTest } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { openWatchedRedis, type WatchedRedis } from '../../support/sentinels.ts';

async function watchedRedisForTest(): Promise<WatchedRedis> {
  const watched = await openWatchedRedis();
  onTestFinished(() => watched.close());
  return watched;
}

const settingsOf = ({ name, sentinels }: WatchedRedis) => ({
  redisSentinels: sentinels,
  redisSentinelName: name,
});

it('a worker follows the master: after kill -9, and back after an ordered failover', async () => {
  const watched = await watchedRedisForTest();
  const [first, second] = watched.servers;
  const dropped: DroppedFrame[] = [];
  const peer = await peerForTest('redis://chat', {
    ...settingsOf(watched),
    // A frame is signed by the time of its server, and each of the two has its own.
    busSecrets: ['s'.repeat(32)],
    onFrameDropped: (why) => dropped.push(why),
  });
  const room = newRoom();
  // A Sentinel that hears late of a failover may close the connections of the new master once more.
  const appendLater = (text: string) =>
    eventually(() =>
      append(peer, room, text, { dedupe: { scope: 'ann', clientMsgId: text, content: text } }),
    );
  const { epoch } = await append(peer, room, '1');
  await watched.replicated(first);
  await first.kill9();
  const next = await appendLater('2');
  expect(next).toMatchObject({ seq: 2 });
  expect(next.epoch).not.toBe(epoch);
  expect(await second.ask('INFO replication')).toMatch(/role:master/);
  await eventually(async () => expect(await peer.bus.probe()).toMatchObject({ ok: true }));

  await first.start();
  await watched.replicated(second);
  await watched.failover();
  await watched.named(first);
  // Until the worker hears of it, the former master takes its writes, and loses them.
  await eventually(async () => expect((await read(peer, room)).epoch).not.toBe(next.epoch));
  expect(await appendLater('3')).toMatchObject({ seq: 3 });
  expect(textsOf((await read(peer, room)).entries)).toEqual(['1', '2', '3']);
  await eventually(async () => expect(await peer.bus.probe()).toMatchObject({ ok: true }));
  const { entries } = await listen(peer, room);
  await appendLater('4');
  await arrivalOf(4, entries);
  expect([textsOf(entries), dropped]).toEqual([['4'], []]);
});

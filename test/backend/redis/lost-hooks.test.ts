import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { tagOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { createRendezvous } from '../../../src/backend/redis/topology/rendezvous.ts';
import { serverName } from '../../../src/backend/redis/topology/server-names.ts';
import { type Room, roomOf } from '../../../src/chat/room.ts';
import { createHooks } from '../../../src/server/hooks/hooks.ts';
import { draftOf, granted, range } from '../../contract/peers.ts';
import { openPeer, redisForTest, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { HOOK_SECRET, openHookReceiver } from '../../support/hook-receiver.ts';
import type { RedisProcess } from '../../support/redis-server.ts';

const keys = redisKeys('rc');

/** So many servers, and a worker that sends webhooks. */
async function hooksForTest(servers: number) {
  const redises = await Promise.all(range(1, servers).map(() => redisForTest()));
  const urls = redises.map(({ url }) => url);
  const indexOf = createRendezvous(urls.map((url) => serverName(parseRedisAddress(url))));
  const serverOf = (key: string) => redises[indexOf(tagOf(key))] as RedisProcess;
  const peer = await openPeer(servers === 1 ? { redisUrl: urls[0] as string } : { redisUrls: urls });
  onTestFinished(() => peer.close());
  const receiver = await openHookReceiver();
  onTestFinished(() => receiver.kill());
  const { backend, close, counts } = createHooks({
    hookUrl: receiver.url,
    hookSecret: HOOK_SECRET,
    hookEvents: ['message', 'room.occupied', 'room.vacated'],
    hookUndeliveredS: 60,
    hookTimeoutMs: 1_000,
    hookBeforeSayUrl: undefined,
    hookBeforeSayTimeoutMs: 1_000,
    hookBeforeSayOnTimeout: 'refuse',
    backend: peer,
    worker: peer,
    now: Date.now,
    newId: randomUUID,
    log: silent,
  });
  onTestFinished(close);
  /** The room's messages and its occupation as the receiver was told of them, each once. */
  function toldOf({ roomid }: Room): readonly string[] {
    const events = new Map(receiver.taken.map((event) => [event.id, event]));
    return [...events.values()]
      .filter((event) => event.roomid === roomid)
      .map(({ type, message }) => (message as { data: { text: string } } | undefined)?.data.text ?? type);
  }
  const say = async (room: Room, text: string) =>
    granted(await backend.logs.append(room, draftOf(room, text)));
  return { serverOf, backend, counts, toldOf, say };
}

describe('webhooks over a Redis that lost what it had', () => {
  it('bring what rooms store after it came back empty', async () => {
    const { serverOf, say, toldOf, counts } = await hooksForTest(1);
    const room = roomOf('/', 'lobby');
    await say(room, 'before');
    await eventually(() => expect(toldOf(room)).toEqual(['before']));
    const redis = serverOf(keys.hooks.listed);
    await redis.ask('FLUSHALL');
    await redis.kill9();
    await redis.start();
    await eventually(() => say(room, 'after'));
    await say(room, 'later');
    await eventually(() => expect(toldOf(room).slice(-2)).toEqual(['after', 'later']));
    expect([toldOf(room), counts().dropped]).toEqual([['before', 'after', 'later'], 0]);
  });

  it('bring what rooms of other servers had stored before the queue came back empty, and say again who is there', async () => {
    const { serverOf, say, toldOf, backend, counts } = await hooksForTest(2);
    const queue = serverOf(keys.hooks.listed);
    const room = range(1, 64)
      .map((n) => roomOf('/', `room-${n}`))
      .find((one) => serverOf(keys.channel(one)) !== queue) as Room;
    await eventually(() => say(room, 'one'));
    granted(await backend.roster.enter(room, { userId: 'ann', username: 'Ann' }, 1, 1));
    await eventually(() => expect(toldOf(room)).toEqual(['one', 'room.occupied']));
    await queue.ask('FLUSHALL');
    await queue.kill9();
    // The room's log is on the other server.
    await say(room, 'two');
    granted(await backend.roster.exit(room, 'ann', 0));
    await queue.start();
    await eventually(() =>
      expect([...toldOf(room)].sort()).toEqual(['one', 'room.occupied', 'room.vacated', 'two']),
    );
    expect(counts().dropped).toBe(0);
  });
});

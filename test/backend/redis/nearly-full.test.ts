import { expect, it } from 'vitest';
import { refuseNewLogs } from '../../../src/chat/nearly-full.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { append, draftOf, granted, read } from '../../contract/peers.ts';
import { dataKeysIn, peerForTest, redisForTest } from '../../contract/redis-harness.ts';

it('a nearly full Redis takes nothing from people for new rooms and for users who were never there, until it has space again', async () => {
  const redis = await redisForTest(['--maxmemory-policy', 'noeviction']);
  const peer = await peerForTest(redis.url);
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.ask('INFO memory'))?.[1]);
  /** Bounds the memory so that this part of it is used, and lets the worker look at it. */
  async function use(share: number): Promise<boolean> {
    await redis.ask(`CONFIG SET maxmemory ${Math.round((await used()) / share)}`);
    granted(await peer.check());
    return peer.isNearlyFull();
  }
  const [old, fresh, ann, bob] = [
    roomOf('/', 'old'),
    roomOf('/', 'fresh'),
    inboxOf('/', 'ann'),
    inboxOf('/', 'bob'),
  ];
  const say = (room: typeof old) => peer.logs.append(room, { ...draftOf(room, 'x'), author: 'carl' });
  const write = (inbox: typeof old) => peer.logs.append(inbox, draftOf(inbox, 'x', { bounded: true }));
  granted(await say(old));
  granted(await peer.inboxes.markers(ann, { opens: 'lastingly' }));

  expect(await use(0.84)).toBe(false);
  expect(await use(0.88)).toBe(true);
  const before = await dataKeysIn(redis);
  expect(await say(fresh)).toEqual(refuseNewLogs());
  expect(await write(bob)).toEqual(refuseNewLogs());
  expect((await dataKeysIn(redis)).sort()).toEqual(before.sort());
  granted(await say(old));
  granted(await write(ann));
  // A room with members has its numbers, and still no message.
  await read(peer, fresh);
  expect(await say(fresh)).toEqual(refuseNewLogs());
  // Back ends' writing is wanted, and then so are the answers.
  await append(peer, fresh, 'of a back end');
  await append(peer, bob, 'of a back end');
  granted(await say(fresh));
  granted(await write(bob));

  expect(await use(0.82)).toBe(true);
  expect(await say(roomOf('/', 'other'))).toEqual(refuseNewLogs());
  expect(await use(0.78)).toBe(false);
  granted(await say(roomOf('/', 'other')));
});

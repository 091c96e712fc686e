import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChannelSubscription } from '../../../src/backend/redis/bus/channel.ts';
import { openSubscriber } from '../../../src/backend/redis/bus/subscriber.ts';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { fixedTarget } from '../../../src/backend/redis/connection/target.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { inBatches } from '../../../src/chat/batches.ts';
import type { Room } from '../../../src/chat/room.ts';
import { append, arrivalOf, granted, listen, newRoom, range, textsOf } from '../../contract/peers.ts';
import { peerForTest, redisForTest, silent } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';
import { slowConnectionForTest } from './slow-connection.ts';

const keys = redisKeys('rc');

function subscriberForTest(url: string, lingerMs?: number) {
  const subscriber = openSubscriber({
    target: fixedTarget(parseRedisAddress(url)),
    verify: (_channel, frame) => frame,
    log: silent,
    reconcileMs: 200,
    ...(lingerMs === undefined ? {} : { lingerMs }),
  });
  onTestFinished(() => subscriber.close());
  return subscriber.subscriptions;
}

function countUnhandled(): () => number {
  let count = 0;
  const note = () => {
    count += 1;
  };
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.removeListener('unhandledRejection', note));
  return () => count;
}

/** Redis syncs each append, and a call has 1.5 s: so many rooms at once would be late on a slow disk. */
async function appendToAll(writer: Peer, rooms: readonly Room[], text: string): Promise<void> {
  await inBatches(rooms, (room) => append(writer, room, text));
}

describe('subscriptions over Redis', () => {
  it('resubscribes 2,000 channels after its connection was killed, and calls for a resync', async () => {
    const redis = await redisForTest();
    const [writer, reader] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    const rooms = range(1, 2_000).map(() => newRoom());
    let heard = 0;
    await inBatches(rooms, async (room) => granted(await reader.bus.subscribe(room, () => (heard += 1))));
    const resynced = new Promise<void>((resolve) => reader.bus.onResync(resolve));
    await redis.ask('CLIENT KILL TYPE pubsub');
    await resynced;
    await appendToAll(writer, rooms, 'back');
    await eventually(() => expect(heard).toBe(2_000));
  });

  it('calls for no resync at the first connection', async () => {
    const redis = await redisForTest();
    const reader = await peerForTest(redis.url);
    let told = 0;
    reader.bus.onResync(() => (told += 1));
    await listen(reader, newRoom());
    expect(told).toBe(0);
    await redis.ask('CLIENT KILL TYPE pubsub');
    await eventually(() => expect(told).toBe(1));
  });

  it.each([0, 10])(
    'delivers a channel that is subscribed again %i ms after its unsubscribe',
    async (pauseMs) => {
      const redis = await redisForTest();
      const connection = await slowConnectionForTest(redis.port, 20);
      const writer = await peerForTest(redis.url);
      const subscriptions = subscriberForTest(connection.url, 0);
      const room = newRoom();
      const heard: number[] = [];
      const join = () => subscriptions.listen(keys.channel(room), ({ seq }) => heard.push(seq));
      let listening = join();
      expect(await listening.established(5_000)).toBe(true);
      for (const _ of range(1, 8)) {
        listening.close();
        // The pause is the fault under test: the unsubscribe is on its way while the room is wanted again.
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        listening = join();
        expect(await listening.established(5_000)).toBe(true);
        // From now on nothing may be missed. What was still under way has had its effect after two round trips.
        const from = heard.length;
        const appended: number[] = [];
        let settled = false;
        const roundTrip = () =>
          subscriptions.listen(keys.channel(newRoom()), () => undefined).established(5_000);
        void roundTrip()
          .then(roundTrip)
          .then(() => {
            settled = true;
          });
        while (!settled) appended.push((await append(writer, room, 'heard?')).seq);
        await eventually(() => expect(heard.at(-1)).toBe(appended.at(-1)));
        expect(heard.slice(from)).toEqual(appended);
      }
    },
  );

  it('unsubscribes a channel that has had no listener for a while', async () => {
    const redis = await redisForTest();
    const subscriptions = subscriberForTest(redis.url, 0);
    const channel = keys.channel(newRoom());
    const listening = subscriptions.listen(channel, () => undefined);
    expect(await listening.established(5_000)).toBe(true);
    const subscribers = () => redis.ask(`PUBSUB SHARDNUMSUB ${channel}`);
    expect(await subscribers()).toContain(':1');
    listening.close();
    await eventually(async () => expect(await subscribers()).toContain(':0'));
  });

  it('keeps a channel for some seconds, so that a reload of a page costs no round trip', async () => {
    const redis = await redisForTest();
    const subscriptions = subscriberForTest(redis.url, 60_000);
    const [channel, other] = [keys.channel(newRoom()), keys.channel(newRoom())];
    const listening = subscriptions.listen(channel, () => undefined);
    expect(await listening.established(5_000)).toBe(true);
    listening.close();
    // Redis answers in order: had the first channel been let go, it would be gone once the second is there.
    expect(await subscriptions.listen(other, () => undefined).established(5_000)).toBe(true);
    expect(await redis.ask(`PUBSUB SHARDNUMSUB ${channel}`)).toContain(':1');
  });

  it('has every channel after the connection broke during hundreds of subscribes', async () => {
    const unhandled = countUnhandled();
    const redis = await redisForTest();
    const connection = await slowConnectionForTest(redis.port, 20);
    const writer = await peerForTest(redis.url);
    const subscriptions = subscriberForTest(connection.url);
    const heard = new Set<string>();
    const want = (room: Room) => subscriptions.listen(keys.channel(room), () => heard.add(room.tag));
    const first = want(newRoom());
    expect(await first.established(5_000)).toBe(true);

    const rooms: Room[] = [];
    const listenings: ChannelSubscription[] = [];
    for (const _ of range(1, 4)) {
      for (const room of range(1, 100).map(() => newRoom())) {
        rooms.push(room);
        listenings.push(want(room));
      }
      const before = connection.accepted();
      // node-redis writes in the next turn of the event loop; then they are on the slow connection, unanswered.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      connection.cut();
      await eventually(() => expect(connection.accepted()).toBeGreaterThan(before));
    }
    const there = await Promise.all(listenings.map((listening) => listening.established(20_000)));
    expect(there.every(Boolean)).toBe(true);
    await appendToAll(writer, rooms, 'all');
    await eventually(() => expect(heard.size).toBe(rooms.length));
    expect(unhandled()).toBe(0);
  });

  it('refuses a subscription in time while Redis is frozen, and serves it later', async () => {
    const redis = await redisForTest();
    const reader = await peerForTest(redis.url);
    const room = newRoom();
    redis.freeze();
    expect(await reader.bus.subscribe(room, () => undefined)).toMatchObject({
      ok: false,
      error: { code: 'unavailable', temporary: true, retryAfterMs: expect.any(Number) },
    });
    redis.thaw();
    await eventually(async () => granted(await reader.bus.subscribe(room, () => undefined)));
  });

  it('delivers everything to the listeners of a room although one of them throws', async () => {
    const redis = await redisForTest();
    const reader = await peerForTest(redis.url);
    const room = newRoom();
    const failing = await reader.bus.subscribe(room, () => {
      throw new Error('a bug');
    });
    granted(failing);
    const heard = await listen(reader, room);
    await append(reader, room, '1');
    await append(reader, room, '2');
    await arrivalOf(2, heard.entries);
    expect(textsOf(heard.entries)).toEqual(['1', '2']);
  });

  it('notices an open connection that delivers nothing, reconnects, and calls for a resync', async () => {
    const redis = await redisForTest();
    const connection = await slowConnectionForTest(redis.port, 1);
    const peer = await peerForTest(connection.url);
    const room = newRoom();
    const heard = await listen(peer, room);
    expect(await peer.bus.probe()).toEqual({ ok: true, value: undefined });
    const resynced = new Promise<void>((resolve) => peer.bus.onResync(resolve));
    connection.deafen();
    await append(peer, room, 'unheard');
    expect(await peer.bus.probe()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    await resynced;
    await eventually(async () => granted(await peer.bus.probe()));
    await append(peer, room, 'heard');
    await arrivalOf(2, heard.entries);
    expect(textsOf(heard.entries)).toEqual(['heard']);
  });

  it('reconnected on demand, resubscribes every room and calls for a resync once', async () => {
    const redis = await redisForTest();
    const [writer, reader] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    const rooms = range(1, 300).map(() => newRoom());
    const heard = new Set<string>();
    for (const room of rooms) granted(await reader.bus.subscribe(room, () => heard.add(room.tag)));
    let told = 0;
    reader.bus.onResync(() => (told += 1));
    reader.bus.reconnect();
    await eventually(() => expect(told).toBe(1));
    await appendToAll(writer, rooms, 'heard');
    await eventually(() => expect(heard.size).toBe(rooms.length));
    granted(await reader.bus.probe());
    expect(told).toBe(1);
  });

  it('refuses a subscription that the server does not permit, and serves it once it does', async () => {
    const redis = await redisForTest();
    await redis.ask('ACL SETUSER joe on >pw ~* +@all resetchannels');
    const unhandled = countUnhandled();
    const reader = await peerForTest(`redis://joe:pw@127.0.0.1:${redis.port}`);
    const room = newRoom();
    expect(await reader.bus.subscribe(room, () => undefined)).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    });
    expect(await reader.bus.probe()).toMatchObject({ ok: false });
    await redis.ask('ACL SETUSER joe allchannels');
    const heard: string[] = [];
    await eventually(async () =>
      granted(await reader.bus.subscribe(room, (entry) => void heard.push(...textsOf([entry])))),
    );
    await append(reader, room, 'permitted');
    await eventually(() => expect(heard).toEqual(['permitted']));
    expect(unhandled()).toBe(0);
  });

  it('comes back although the server took the permission away while the connection was lost', async () => {
    const redis = await redisForTest();
    await redis.ask('ACL SETUSER joe on >pw ~* +@all allchannels');
    const unhandled = countUnhandled();
    const peer = await peerForTest(`redis://joe:pw@127.0.0.1:${redis.port}`);
    const room = newRoom();
    const heard = await listen(peer, room);
    await redis.ask('ACL SETUSER joe resetchannels');
    await redis.ask('CLIENT KILL TYPE pubsub');
    await eventually(async () => expect(await peer.bus.probe()).toMatchObject({ ok: false }));
    const resynced = new Promise<void>((resolve) => peer.bus.onResync(resolve));
    await redis.ask('ACL SETUSER joe allchannels');
    await resynced;
    await append(peer, room, 'back');
    await arrivalOf(1, heard.entries);
    expect(unhandled()).toBe(0);
  });
});

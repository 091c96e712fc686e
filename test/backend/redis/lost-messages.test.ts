import { describe, expect, it, onTestFinished } from 'vitest';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { slotOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { createFeeds } from '../../../src/chat/feeds.ts';
import type { Room } from '../../../src/chat/room.ts';
import { createHealth } from '../../../src/server/health.ts';
import { append, granted, newRoom, range, read } from '../../contract/peers.ts';
import { openPeer, peerForTest, redisForTest, silent } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';
import { openRedisCluster } from '../../support/redis-cluster.ts';
import { slowConnectionForTest } from './slow-connection.ts';

const room = newRoom();

/** A worker with a member in the room, as far as losses concern it. */
async function memberOn(peer: Peer, room: Room) {
  const delivered: number[] = [];
  const gaps: string[] = [];
  const feeds = createFeeds({
    logs: peer.logs,
    bus: peer.bus,
    deliver: (_room, { seq }) => delivered.push(seq),
    onGap: (_room, { reason }) => gaps.push(reason),
    onPresence: () => undefined,
    log: silent,
  });
  const health = createHealth({
    checkStore: peer.check,
    awayServers: peer.awayServers,
    bus: peer.bus,
    resync: feeds.resync,
    onProbeMissed: feeds.compareTails,
    onDegraded: () => undefined,
    onRestored: () => undefined,
    now: Date.now,
    log: silent,
  });
  onTestFinished(() => {
    health.close();
    feeds.close();
  });
  granted(await feeds.lease(room));
  await feeds.attach(
    room,
    async () => peer.logs.read(room, { limit: 50, maxBytes: 1e6 }),
    () => undefined,
  );
  await health.firstCheck;
  return { delivered, gaps, health };
}

/** Fails if the member lacks one of the room's messages, or has one twice. No later message shows the loss. */
function expectAll(delivered: readonly number[], top: number): Promise<void> {
  return eventually(() => expect(delivered).toEqual(range(1, top)));
}

describe('a message that the bus does not bring', () => {
  it('is delivered although the connection was killed', async () => {
    const redis = await redisForTest();
    const writer = await peerForTest(redis.url);
    const { delivered } = await memberOn(await peerForTest(redis.url), room);
    for (const seq of range(1, 5)) {
      await redis.ask('CLIENT KILL TYPE pubsub');
      expect((await append(writer, room, 'text')).seq).toBe(seq);
    }
    await expectAll(delivered, 5);
  });

  it('is delivered although Redis closed the connection, whose output was longer than its limit', async () => {
    const redis = await redisForTest(['--client-output-buffer-limit', 'pubsub 1kb 1kb 1']);
    const writer = await peerForTest(redis.url);
    const reader = await peerForTest(redis.url);
    let reconnects = 0;
    reader.bus.onResync(() => (reconnects += 1));
    const { delivered } = await memberOn(reader, room);
    await append(writer, room, 'x'.repeat(200_000));
    await expectAll(delivered, 1);
    expect(reconnects).toBe(1);
  });

  it('is delivered although the connection is open and answers, and later ones too', async () => {
    const redis = await redisForTest();
    const proxy = await slowConnectionForTest(redis.port, 0);
    const writer = await peerForTest(redis.url);
    const { delivered, health } = await memberOn(await peerForTest(proxy.url), room);
    proxy.withholdMessages();
    await append(writer, room, 'before the first missed probe');
    await expectAll(delivered, 1);
    const missed = health.counters.probesMissed;
    await append(writer, room, 'between two of them');
    await expectAll(delivered, 2);
    expect(missed).toBeGreaterThan(0);
  });

  it('is delivered although the connection is half open', async () => {
    const redis = await redisForTest();
    const proxy = await slowConnectionForTest(redis.port, 0);
    const writer = await peerForTest(redis.url);
    const { delivered } = await memberOn(await peerForTest(proxy.url), room);
    proxy.deafen();
    await append(writer, room, 'text');
    await expectAll(delivered, 1);
  });

  it('is named as lost although the promotion of a server that lacks it closed no connection', async () => {
    const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
    const peer = await peerForTest(master.url);
    await append(peer, room, 'kept');
    const { gaps, health } = await memberOn(peer, room);
    await replica.ask(`REPLICAOF 127.0.0.1 ${master.port}`);
    await up(replica);
    await replica.ask('REPLICAOF NO ONE');
    await append(peer, room, 'lost');
    await master.ask(`REPLICAOF 127.0.0.1 ${replica.port}`);
    await up(master);
    await master.ask('REPLICAOF NO ONE');
    await eventually(() => expect(gaps).toEqual(['epoch']));
    await eventually(() => expect(health.state().ok).toBe(true));
    expect((await read(peer, room)).top).toBe(1);
  });
});

it('a message in a slot that its server gave up and took again is delivered', async () => {
  const cluster = await openRedisCluster();
  onTestFinished(() => cluster.close());
  const [writer, reader] = [
    await openPeer({ redisClusterNodes: cluster.addresses }),
    await openPeer({ redisClusterNodes: cluster.addresses }),
  ];
  onTestFinished(() => Promise.all([writer.close(), reader.close()]).then(() => undefined));
  let resyncs = 0;
  reader.bus.onResync(() => (resyncs += 1));
  const { delivered } = await memberOn(reader, room);
  const slot = slotOf(redisKeys('rc').channel(room));
  const owner = await cluster.ownerOf(slot);
  const before = resyncs;
  await owner.ask(`CLUSTER DELSLOTS ${slot}`);
  await owner.ask(`CLUSTER ADDSLOTS ${slot}`);
  const { seq } = await eventually(() => append(writer, room, 'text'));
  await expectAll(delivered, seq);
  await eventually(() => expect(resyncs).toBeGreaterThan(before));
});

const RESYNC = ['--repl-diskless-sync-delay', '0'];

function up(replica: { ask(command: string): Promise<string> }): Promise<void> {
  return eventually(async () =>
    expect(await replica.ask('INFO replication')).toMatch(/master_link_status:up/),
  );
}

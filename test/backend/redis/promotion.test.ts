import { expect, it } from 'vitest';
import type { Position } from '../../../src/chat/log-store.ts';
import type { Room } from '../../../src/chat/room.ts';
import { append, granted, newRoom, read } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';
import type { RedisProcess } from '../../support/redis-server.ts';
import { demote, follow, RESYNC } from './failover.ts';

const ann = { userId: 'ann', username: 'Ann' };
const bob = { userId: 'bob', username: 'Bob' };
const carol = { userId: 'carol', username: 'Carol' };

/** The same, and the master is promoted again as Sentinel does it. */
async function loseInFailover(
  master: RedisProcess,
  replica: RedisProcess,
  change: () => Promise<unknown>,
): Promise<void> {
  await demote(master, replica, change);
  await master.ask('REPLICAOF NO ONE');
  // Sentinel sends this too.
  await master.ask('CLIENT KILL TYPE normal');
}

/** Returns the offset at which it was last promoted. */
async function offsetOf(server: RedisProcess): Promise<number> {
  return Number(/second_repl_offset:(-?\d+)/.exec(await server.ask('INFO replication'))?.[1]);
}

/** Expects that the room goes on after its only message under another epoch. */
async function expectNewEpoch(peer: Peer, room: Room, kept: Position): Promise<void> {
  const next = await eventually(() => append(peer, room, 'next'));
  expect(next.seq).toBe(2);
  expect(next.epoch).not.toBe(kept.epoch);
}

it('a master that was demoted, lost its newest message and is promoted again begins a new epoch', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  const peer = await peerForTest(master.url);
  const room = newRoom();
  const kept = await append(peer, room, 'kept');
  await loseInFailover(master, replica, () => append(peer, room, 'lost'));
  await expectNewEpoch(peer, room, kept);
  expect((await read(peer, room)).previousEpochs).toEqual([{ epoch: kept.epoch, upTo: 1 }]);
});

it('a master that is promoted again at a lower offset than before begins a new epoch', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  await follow(master, replica);
  await replica.ask(`SET padding ${'x'.repeat(10_000)}`);
  await loseInFailover(replica, master, async () => undefined);
  await follow(master, replica);
  await master.ask('REPLICAOF NO ONE');
  await follow(replica, master);
  const peer = await peerForTest(master.url);
  const room = newRoom();
  const kept = await append(peer, room, 'kept');
  await loseInFailover(master, replica, async () => {
    await append(peer, room, 'lost');
    await follow(master, replica);
    // It comes back at the offset 0, and the master follows it there.
    await replica.stop();
    await replica.start();
  });
  expect(await offsetOf(master)).toBeLessThan(10_000);
  await expectNewEpoch(peer, room, kept);
});

it('a worker notices a promotion that closed no connection', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  const peer = await peerForTest(master.url);
  const room = newRoom();
  const kept = await append(peer, room, 'kept');
  await demote(master, replica, () => append(peer, room, 'lost'));
  await master.ask('REPLICAOF NO ONE');
  await peer.check();
  await expectNewEpoch(peer, room, kept);
});

it('a worker that found its master to be a replica takes its promotion for a new term, cut off or not', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  const peer = await peerForTest(master.url);
  const room = newRoom();
  const kept = await append(peer, room, 'kept');
  await demote(master, replica, () => append(peer, room, 'lost'));
  // The check of each second.
  expect((await peer.check()).ok).toBe(false);
  await master.ask('REPLICAOF NO ONE');
  await expectNewEpoch(peer, room, kept);
});

it('the stored terms of earlier versions begin no new epoch', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  await follow(master, replica);
  await master.ask('REPLICAOF NO ONE');
  const peer = await peerForTest(master.url);
  const room = newRoom();
  const { epoch } = await append(peer, room, '1');
  const meta = `rc:{${room.tag}}:meta`;
  const run = /run_id:(\w+)/.exec(await master.ask('INFO server'))?.[1];
  const offset = await offsetOf(master);
  expect(offset).toBeGreaterThan(0);
  await master.ask(`HSET ${meta} term "${run} ${offset}"`);
  await master.ask(`HDEL ${meta} terms`);
  expect(await append(peer, room, '2')).toMatchObject({ epoch });

  const never = await redisForTest();
  const other = await peerForTest(never.url);
  const before = await append(other, room, '1');
  await never.ask(`HDEL ${meta} terms`);
  expect(await append(other, room, '2')).toMatchObject({ epoch: before.epoch });
});

it('connections from before and after Redis forgot a promotion agree on the epoch', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  await master.ask('CONFIG SET repl-backlog-ttl 1');
  await loseInFailover(master, replica, async () => undefined);
  const before = await peerForTest(master.url);
  const room = newRoom();
  const { epoch } = await append(before, room, '1');
  await follow(replica, master);
  await replica.ask('REPLICAOF NO ONE');
  await eventually(async () =>
    expect(await master.ask('INFO replication')).toMatch(/second_repl_offset:-1\r/),
  );
  const after = await peerForTest(master.url);
  for (const [index, peer] of [after, before, after].entries())
    expect(await append(peer, room, `${index}`)).toMatchObject({ epoch });
});

it('a worker reports its presence again after a failover that lost its newest changes', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  const peer = await peerForTest(master.url);
  const room = newRoom();
  granted(await peer.roster.heartbeat(2));
  granted(await peer.roster.enter(room, ann, 1, 1));
  granted(await peer.roster.enter(room, bob, 1, 2));
  await loseInFailover(master, replica, async () => {
    granted(await peer.roster.exit(room, 'bob', 1));
    granted(await peer.roster.enter(room, carol, 1, 2));
  });
  await eventually(async () => granted(await peer.roster.heartbeat(2)));
  await eventually(async () => {
    const { members } = granted(await peer.roster.members(room, { limit: 10 }));
    expect(members.map(({ userId }) => userId)).toEqual(['ann', 'carol']);
  });
});

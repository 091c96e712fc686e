import { describe, expect, it, onTestFinished } from 'vitest';
import type { DroppedFrame } from '../../../src/backend/dropped-frames.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { slotOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import type { Room } from '../../../src/chat/room.ts';
import { append, granted, newRoom, range, read, seqsOf, textsOf } from '../../contract/peers.ts';
import { ALLOWED, openPeer, type PeerSettings, redisOptions, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { openRedisCluster, type RedisClusterOptions, replicated } from '../../support/redis-cluster.ts';
import type { RedisProcess } from '../../support/redis-server.ts';

async function clusterForTest(options?: RedisClusterOptions) {
  const cluster = await openRedisCluster(options);
  onTestFinished(() => cluster.close());
  const dropped: DroppedFrame[] = [];
  async function peer(more: PeerSettings = {}) {
    const signed = { busSecrets: ['s'.repeat(32)], onFrameDropped: (why: DroppedFrame) => dropped.push(why) };
    const opened = await openPeer({ redisClusterNodes: cluster.addresses, ...signed, ...more });
    onTestFinished(() => opened.close());
    return opened;
  }
  const slotOfRoom = (room: Room) => slotOf(redisKeys('rc').channel(room));
  return { cluster, peer, dropped, slotOfRoom };
}

const others = (masters: readonly RedisProcess[], one: RedisProcess) =>
  masters.find((master) => master !== one) as RedisProcess;

describe('a Redis Cluster', () => {
  it('moves the slot of a room that is written to: nothing is refused, lost or swapped', async () => {
    const { cluster, peer, dropped, slotOfRoom } = await clusterForTest();
    const [writer, reader] = [await peer(), await peer()];
    const room = newRoom();
    const slot = slotOfRoom(room);
    const heard: string[] = [];
    let resyncs = 0;
    reader.bus.onResync(() => (resyncs += 1));
    granted(await reader.bus.subscribe(room, (entry) => heard.push(entry.json)));

    let moving = true;
    const acked: Promise<string>[] = [];
    const writing = (async () => {
      while (moving) {
        // Three at a time, not awaited one by one: they must stay in order.
        const three = range(1, 3).map((number) => append(writer, room, `${acked.length + number}`));
        acked.push(...three.map(async (appended) => `${(await appended).seq}`));
        await Promise.all(three);
      }
    })();
    const from = await cluster.ownerOf(slot);
    await cluster.moveSlot(slot, others(cluster.masters, from));
    await cluster.moveSlot(slot, from);
    moving = false;
    await writing;
    const seqs = await Promise.all(acked);
    expect(seqs).toEqual(range(1, seqs.length).map(String));

    // The log has the messages published before the reader knew of the move, and a resync makes it look there.
    await eventually(() => expect(resyncs).toBeGreaterThan(0));
    const before = heard.length;
    await eventually(async () => {
      await append(writer, room, 'after');
      expect(heard.length).toBeGreaterThan(before);
    });
    // A slow move takes so long that more is written than a log holds.
    const { entries, first } = await read(reader, room, { before: seqs.length + 1, limit: 1_000 });
    expect(seqsOf(entries)).toEqual(range(Math.max(first, seqs.length - 999), seqs.length));
    expect(textsOf(entries)).toEqual(seqsOf(entries).map(String));
    expect(dropped).toEqual([]);
  });

  it('makes the calls of a room wait while only a part of its keys has moved', async () => {
    const { cluster, peer, slotOfRoom } = await clusterForTest();
    const [a, b] = [await peer(), await peer()];
    const room = newRoom();
    const slot = String(slotOfRoom(room));
    const ann = { userId: 'ann', username: 'Ann' };
    const bob = { userId: 'bob', username: 'Bob' };
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await b.roster.enter(room, ann, 1, 1));
    granted(await b.roster.enter(room, bob, 1, 2));
    const from = await cluster.ownerOf(Number(slot));
    const to = others(cluster.masters, from);
    const idOf = async (node: RedisProcess) => /[0-9a-f]{40}/.exec(await node.ask('CLUSTER MYID'))?.[0] ?? '';
    await to.ask(`CLUSTER SETSLOT ${slot} IMPORTING ${await idOf(from)}`);
    await from.ask(`CLUSTER SETSLOT ${slot} MIGRATING ${await idOf(to)}`);
    const keys = redisKeys('rc');
    const [connections, users, names, ofB] = keys.roster(room, b.instanceId);
    const moveKeys = (...moved: readonly string[]) =>
      from.ask(`MIGRATE 127.0.0.1 ${to.port} "" 0 5000 KEYS ${moved.map((key) => `"${key}"`).join(' ')}`);
    const WAITED = { ok: false, error: { code: 'unavailable', message: 'the store is moving data' } };
    const askAll = () =>
      Promise.all([
        a.roster.members(room, { limit: 10 }),
        a.roster.exit(room, 'ann', 0),
        b.roster.setClients(room, 2),
      ]);

    expect(await moveKeys(ofB)).toContain('OK');
    expect(await askAll()).toMatchObject([WAITED, WAITED, WAITED]);
    expect(await moveKeys(connections, users, names, ...keys.changes(room))).toContain('OK');
    expect(await askAll()).toMatchObject([WAITED, WAITED, WAITED]);

    await cluster.moveSlot(Number(slot), to);
    await eventually(async () => {
      const { members } = granted(await a.roster.members(room, { limit: 10 }));
      expect(members.map(({ userId }) => userId)).toEqual(['ann', 'bob']);
    });
    // Another worker still has the user: nobody is told that the user left.
    expect(granted(await a.roster.exit(room, 'ann', 0))).toEqual({
      users: 2,
      clients: 2,
      changed: false,
      announced: true,
    });
  });

  it('goes on under a new epoch after a master was killed and its replica took over', async () => {
    const { cluster, peer, slotOfRoom } = await clusterForTest({ replicas: 1 });
    const worker = await peer();
    const room = newRoom();
    const first = await append(worker, room, 'before');
    const owner = await cluster.ownerOf(slotOfRoom(room));
    await replicated(owner);
    const heard: string[] = [];
    granted(await worker.bus.subscribe(room, (entry) => heard.push(...textsOf([entry]))));
    await owner.kill9();
    const next = await eventually(() => append(worker, room, 'after'), { timeout: 60_000 });
    expect(next.epoch).not.toBe(first.epoch);
    expect(next.seq).toBeGreaterThan(first.seq);
    await eventually(async () => {
      await append(worker, room, 'again');
      expect(heard).toContain('again');
    });
    await eventually(async () => granted(await worker.check()));
    await eventually(async () => granted(await worker.bus.probe()));
  });

  it('waits for replicas by a key of no room, also while the slot of that key moves', async () => {
    const { cluster, peer, slotOfRoom } = await clusterForTest({ replicas: 1 });
    const worker = await peer({ ackReplicas: 1 });
    const room = newRoom();
    await append(worker, room, 'one');
    const owner = await cluster.ownerOf(slotOfRoom(room));
    const writtenTags = async () => (await owner.ask('KEYS rc:*:acked')).match(/(?<=\{).*(?=\})/g) ?? [];
    const [tag = ''] = await writtenTags();
    expect(tag).not.toBe(room.tag);
    const to = others(cluster.masters, owner);
    const slot = slotOf(tag);
    const toId = /[0-9a-f]{40}/.exec(await to.ask('CLUSTER MYID'))?.[0] ?? '';
    await owner.ask(`DEL rc:{${tag}}:acked`);
    expect(await owner.ask(`CLUSTER SETSLOT ${slot} MIGRATING ${toId}`)).toBe('+OK\r\n');
    await append(worker, room, 'two');
    const fresh = (await writtenTags()).filter((one) => one !== tag);
    expect(fresh).toHaveLength(1);
    expect(fresh).not.toContain(room.tag);
  });

  it('gains a master, which takes over slots: rooms there are written and heard', async () => {
    const { cluster, peer, slotOfRoom } = await clusterForTest();
    const worker = await peer();
    const room = newRoom();
    await append(worker, room, 'before');
    const node = await cluster.addNode();
    await cluster.moveSlot(slotOfRoom(room), node);
    const heard: string[] = [];
    // The subscriber may only just be connecting to that node.
    await eventually(async () => {
      granted(await worker.bus.subscribe(room, (entry) => heard.push(...textsOf([entry]))));
    });
    await eventually(async () => {
      await append(worker, room, 'after');
      expect(heard).toContain('after');
    });
    await eventually(async () => granted(await worker.bus.probe()));
  });

  it('is found through replicas alone; a user without the rights for a cluster is told which', async () => {
    const { cluster } = await clusterForTest({ replicas: 1, settings: ['--user', 'joe', ...ALLOWED] });
    const options = (user: string) => {
      const { redisUrl: _, ...rest } = redisOptions('');
      return {
        ...rest,
        redisClusterNodes: cluster.replicas.map(({ port }) => `redis://${user}127.0.0.1:${port}`),
      };
    };
    const start = async (user = '') =>
      (await openRedisPrimary({ options: options(user), host: 'test', log: silent })).close();
    await start();
    const nodes = [...cluster.masters, ...cluster.replicas];
    await Promise.all(nodes.map(({ ask }) => ask('ACL SETUSER joe +cluster|nodes')));
    await expect(start('joe:granted@')).rejects.toThrow('missing: +asking.');
    await Promise.all(nodes.map(({ ask }) => ask('ACL SETUSER joe +asking')));
    await start('joe:granted@');
  });
});

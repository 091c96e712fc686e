import { describe, expect, it, onTestFinished } from 'vitest';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { slotOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import type { Room } from '../../../src/chat/room.ts';
import { append, granted, newRoom, range, read, seqsOf, textsOf } from '../../contract/peers.ts';
import { openPeer } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { openRedisCluster, type RedisClusterOptions, replicated } from '../../support/redis-cluster.ts';
import type { RedisProcess } from '../../support/redis-server.ts';

async function clusterForTest(options?: RedisClusterOptions) {
  const cluster = await openRedisCluster(options);
  onTestFinished(() => cluster.close());
  async function peer() {
    const opened = await openPeer({ redisClusterNodes: cluster.addresses });
    onTestFinished(() => opened.close());
    return opened;
  }
  const slotOfRoom = (room: Room) => slotOf(redisKeys('rc').channel(room));
  return { cluster, peer, slotOfRoom };
}

const others = (masters: readonly RedisProcess[], one: RedisProcess) =>
  masters.find((master) => master !== one) as RedisProcess;

describe('a Redis Cluster', () => {
  it('moves the slot of a room that is written to: nothing is refused, lost or swapped', async () => {
    const { cluster, peer, slotOfRoom } = await clusterForTest();
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

    // What was published while the reader did not know of the move is in the log, and the reader is told to look there.
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
});

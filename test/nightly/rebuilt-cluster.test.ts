import { expect, it, onTestFinished } from 'vitest';
import { append, granted, newRoom, range, textsOf } from '../contract/peers.ts';
import { openPeer } from '../contract/redis-harness.ts';
import { eventually } from '../support/eventually.ts';
import { openRedisCluster } from '../support/redis-cluster.ts';

const ANNOUNCED = ['--cluster-announce-hostname', 'localhost'];

it.each([
  ['by their addresses', []],
  ['by the host names that they announce', ANNOUNCED],
])('a worker follows a Redis Cluster that is built anew of the same nodes, named %s', async (_, settings) => {
  const cluster = await openRedisCluster({ settings });
  onTestFinished(() => cluster.close());
  for (const { ask } of cluster.masters) for (const _time of range(1, 5)) await ask('CLUSTER BUMPEPOCH');
  const peer = await openPeer({ redisClusterNodes: cluster.addresses });
  onTestFinished(() => peer.close());
  const rooms = range(1, 9).map(() => newRoom());
  for (const room of rooms) expect(await append(peer, room, 'before')).toMatchObject({ seq: 1 });

  await cluster.rebuild();
  await Promise.all(
    rooms.map(async (room) => {
      const heard: string[] = [];
      await eventually(async () => {
        granted(await peer.bus.subscribe(room, (entry) => heard.push(...textsOf([entry]))));
        await append(peer, room, 'after');
        expect(heard).toContain('after');
      });
    }),
  );
  await eventually(async () => {
    granted(await peer.check());
    granted(await peer.bus.probe());
  });
});

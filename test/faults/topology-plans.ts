import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { redisKeys } from '../../src/backend/redis/keys.ts';
import { slotOf } from '../../src/backend/redis/topology/hash-slots.ts';
import { roomOf } from '../../src/chat/room.ts';
import { MAIN } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisCluster, replicated } from '../support/redis-cluster.ts';
import type { RedisProcess } from '../support/redis-server.ts';
import type { Plan } from './plan.ts';
import type { Stage } from './stage.ts';
import type { PlainServers } from './stores.ts';

/* Faults of a Redis Cluster (three masters, each with a replica), and of three plain servers that share the rooms. */

const FREEZE_MS = 5_000;
const AWAY_MS = 1_000;
const REPLICA_LAG_MS = 1_000;
/** Long, because a failover may be slow on a busy machine. */
const LIMIT = { timeout: 60_000 };

const slotOfRoom = (roomid: string) => slotOf(redisKeys('rc').channel(roomOf('/', roomid)));

/** The master of a busy room, and that room's slot. */
async function masterOfBusyRoom(cluster: RedisCluster, [roomid = '']: readonly string[]) {
  const slot = slotOfRoom(roomid);
  return { slot, master: await cluster.ownerOf(slot) };
}

async function tookOver(cluster: RedisCluster, slot: number, from: RedisProcess): Promise<RedisProcess> {
  return eventually(async () => {
    const owner = await cluster.ownerOf(slot);
    if (owner === from) throw new Error('no other node has taken over');
    return owner;
  }, LIMIT);
}

/**
 * The replica takes over, and the old master comes back as its replica. With a lag, the replica lacks what the master took in
 * that time.
 */
async function killMaster(stage: Stage, rooms: readonly string[], lagMs = 0): Promise<number> {
  const cluster = clusterOn(stage);
  const { slot, master } = await masterOfBusyRoom(cluster, rooms);
  const replica = await cluster.replicaOf(master);
  if (lagMs > 0) {
    await replica.kill9();
    await pause(lagMs);
  }
  await master.kill9();
  if (lagMs > 0) await replica.start();
  const next = await tookOver(cluster, slot, master);
  await master.start();
  await eventually(() => replicated(next), LIMIT);
  return 1;
}

const masterKill: Plan = {
  name: 'cluster-master-kill',
  title: 'Redis Cluster: a master killed (−9)',
  store: 'cluster-acks',
  mayLose: 'unacked',
  run: (stage, _random, rooms) => killMaster(stage, rooms),
};

const demotion: Plan = {
  name: 'cluster-demotion',
  title: 'Redis Cluster: a master demoted by `CLUSTER FAILOVER`',
  store: 'cluster',
  async run(stage, _random, rooms) {
    const cluster = clusterOn(stage);
    const { slot, master } = await masterOfBusyRoom(cluster, rooms);
    const replica = await cluster.replicaOf(master);
    await replica.ask('CLUSTER FAILOVER');
    await tookOver(cluster, slot, master);
    await eventually(() => replicated(replica), LIMIT);
    return 1;
  },
};

const slotMove: Plan = {
  name: 'cluster-slot',
  title: 'Redis Cluster: the slot of a busy room moved to another master, and back',
  store: 'cluster',
  async run(stage, _random, rooms) {
    const cluster = clusterOn(stage);
    const { slot, master } = await masterOfBusyRoom(cluster, rooms);
    const other = cluster.masters.find((one) => one !== master) as RedisProcess;
    await cluster.moveSlot(slot, other);
    await pause(AWAY_MS);
    await cluster.moveSlot(slot, master);
    return 2;
  },
};

const newNode: Plan = {
  name: 'cluster-node',
  title: 'Redis Cluster: a node added, which takes over the slots of half of the rooms',
  store: 'cluster',
  async run(stage, _random, rooms) {
    const cluster = clusterOn(stage);
    const node = await cluster.addNode();
    const slots = rooms.slice(0, Math.ceil(rooms.length / 2)).map(slotOfRoom);
    for (const slot of slots) await cluster.moveSlot(slot, node);
    return slots.length;
  },
};

const serverKill: Plan = {
  name: 'servers-kill',
  title: '`REDIS_URLS`: one of three servers killed (−9), back with its AOF after 1 s',
  store: 'servers',
  async run(stage, random) {
    const server = random.one(serversOn(stage).all);
    await server.kill9();
    await pause(AWAY_MS);
    await server.start();
    return 1;
  },
};

const serverFreeze: Plan = {
  name: 'servers-freeze',
  title: '`REDIS_URLS`: one of three servers frozen (SIGSTOP) for 5 s',
  store: 'servers',
  async run(stage, random) {
    const server = random.one(serversOn(stage).all);
    server.freeze();
    await pause(FREEZE_MS);
    server.thaw();
    return 1;
  },
};

const fourthServer: Plan = {
  name: 'servers-rebalance',
  title: '`REDIS_URLS`: all hosts stopped, `roomcast rebalance` onto a fourth server, all started',
  store: 'servers',
  async run(stage) {
    const servers = serversOn(stage);
    await Promise.all([stage.shutDown(0), stage.shutDown(1)]);
    await servers.add();
    const env = { PATH: process.env.PATH, REDIS_URLS: servers.urls() };
    // A worker that did not end in time is killed, and its lease runs on.
    await eventually(() => promisify(execFile)(process.execPath, [MAIN, 'rebalance'], { env }), LIMIT);
    await Promise.all([stage.startUp(0), stage.startUp(1)]);
    return 1;
  },
};

const masterKillBehind: Plan = {
  name: 'cluster-master-kill-behind',
  title: 'Redis Cluster: a master killed (−9), its replica 1 s behind',
  store: 'cluster-acks',
  mayLose: 'unacked',
  run: (stage, _random, rooms) => killMaster(stage, rooms, REPLICA_LAG_MS),
};

/** Each on a stage of its own. */
export const TOPOLOGY_PLANS: readonly Plan[] = [
  masterKill,
  masterKillBehind,
  demotion,
  slotMove,
  newNode,
  serverKill,
  serverFreeze,
  fourthServer,
];

/** The replica lacks what nobody but the killed master had. */
export const clusterFailoverBehind: Plan = {
  name: 'cluster-failover-behind',
  title: 'Redis Cluster without `ACK_REPLICAS`: a master killed (−9), its replica 1 s behind',
  store: 'cluster',
  mayLose: 'acked',
  run: (stage, _random, rooms) => killMaster(stage, rooms, REPLICA_LAG_MS),
};

function clusterOn({ cluster }: Stage): RedisCluster {
  if (!cluster) throw new Error('this fault needs a Redis Cluster');
  return cluster;
}

function serversOn({ servers }: Stage): PlainServers {
  if (!servers) throw new Error('this fault needs several Redis servers');
  return servers;
}

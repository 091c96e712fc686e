import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../src/load/random.ts';
import type { WatchedRedis } from '../support/sentinels.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { fullRedis, hungWorker, readOnlyRedis } from './operation-plans.ts';
import type { Plan } from './plan.ts';
import { dialledBy } from './processes.ts';
import type { Stage } from './stage.ts';

const FREEZE_MS = 5_000;
const AWAY_MS = 1_000;
const HALF_OPEN_MS = 8_000;
const PUBSUB_KILLS = 10;
const PUBSUB_KILL_EVERY_MS = 500;
const REPLICA_LAG_MS = 1_000;
const CUTS = 20;
const CUT_EVERY_MS = 250;

export const NO_FAULT: Plan = {
  name: 'none',
  title: 'no fault',
  run: async () => 0,
};

const workerKill: Plan = {
  name: 'worker-kill',
  title: 'kill −9 of a worker',
  async run(stage, random) {
    stage.killWorker(random.below(2), random.below(2));
    return 0;
  },
};

const primaryKill: Plan = {
  name: 'primary-kill',
  title: 'kill −9 of a primary, started again after 1 s',
  async run(stage, random) {
    // The fault ends where the service manager starts it again; how long that takes counts as recovery.
    await stage.killPrimary(random.below(2));
    return 0;
  },
};

const pubsubKill: Plan = {
  name: 'pubsub-kill',
  title: '`CLIENT KILL TYPE pubsub` every 0.5 s for 5 s',
  async run(stage) {
    let cameBack = 0;
    for (let n = 0; n < PUBSUB_KILLS; n += 1) {
      const killed = Number((await stage.redis.ask('CLIENT KILL TYPE pubsub')).slice(1));
      // Whoever is there to be killed again has dialled again.
      if (n > 0) cameBack += killed;
      await pause(PUBSUB_KILL_EVERY_MS);
    }
    return cameBack;
  },
};

const redisFreeze: Plan = {
  name: 'redis-freeze',
  title: 'Redis frozen (SIGSTOP) for 5 s',
  async run({ redis }) {
    redis.freeze();
    await pause(FREEZE_MS);
    redis.thaw();
    return 0;
  },
};

const redisRestart: Plan = {
  name: 'redis-restart',
  title: 'Redis kill −9, back with its AOF after 1 s',
  async run({ redis }) {
    await redis.kill9();
    await pause(AWAY_MS);
    await redis.start();
    return 0;
  },
};

/** The connections between one worker and Redis; on the first host they go through a proxy. */
function oneWorkersConnections(stage: Stage, random: Random): (clientPort: number) => boolean {
  const workers = stage.workers(0);
  const pid = workers[random.below(workers.length)] ?? 0;
  return (port) => dialledBy(pid, port);
}

function halfOpen(name: string, title: string, dials: boolean): Plan {
  return {
    // With no connection to Redis for so long, the worker's lease ends.
    ...(dials ? { cutsOff: true } : {}),
    name,
    title,
    async run(stage, random) {
      const { redisProxy } = stage;
      if (!redisProxy) throw new Error('this fault needs a proxy before Redis');
      const held = redisProxy.hold(oneWorkersConnections(stage, random), dials);
      if (held === 0) throw new Error('no connection of the worker to hold');
      const before = redisProxy.accepted;
      await pause(HALF_OPEN_MS);
      redisProxy.release();
      return redisProxy.accepted - before;
    },
  };
}

const halfOpenConnections = halfOpen(
  'half-open',
  'Redis connections of one worker half open for 8 s, new ones work',
  false,
);
const partition = halfOpen(
  'partition',
  'one worker cut from Redis for 8 s, all its connections half open',
  true,
);

const clientCuts: Plan = {
  name: 'client-cuts',
  title: 'clients cut at random for 5 s',
  async run({ fronts }, random) {
    let cut = 0;
    for (let n = 0; n < CUTS; n += 1) {
      for (const front of fronts) cut += front.cut(() => random.chance(0.15));
      await pause(CUT_EVERY_MS);
    }
    return cut;
  },
};

/** Each alone. */
export const PLANS: readonly Plan[] = [
  workerKill,
  primaryKill,
  pubsubKill,
  redisFreeze,
  redisRestart,
  halfOpenConnections,
  partition,
  clientCuts,
  fullRedis,
  readOnlyRedis,
  hungWorker,
];

/** All of them, one after the other at random, with calm between. */
export function randomMix(minutes: number): Plan {
  return {
    name: 'mix',
    title: `all of these at random for ${minutes} min`,
    cutsOff: true,
    async run(stage, random, rooms) {
      const endAt = performance.now() + minutes * 60_000;
      const able = PLANS.filter(({ notForStock }) => stage.kind !== 'stock' || !notForStock);
      let bites = 0;
      while (performance.now() < endAt) {
        const plan = random.one(able);
        bites += await plan.run(stage, random, rooms);
        await pause(2_000 + random.below(4_000));
        await stage.started();
      }
      return bites;
    },
  };
}

/** Faults that take acked messages with them: what is promised then is that everybody is told. */
export const emptyRedis: Plan = {
  name: 'empty-redis',
  title: 'Redis replaced by an empty one',
  async run({ redis }) {
    await redis.kill9();
    await rm(appendOnlyDir(redis), { recursive: true, force: true });
    await pause(AWAY_MS);
    await redis.start();
    return 1;
  },
};

export const olderRedis: Plan = {
  name: 'older-redis',
  title: 'Redis restored from a copy 3 s old',
  async run({ redis }) {
    const copy = join(dirname(redis.path), 'older-copy');
    await cp(appendOnlyDir(redis), copy, { recursive: true });
    await pause(3_000);
    await redis.kill9();
    await rm(appendOnlyDir(redis), { recursive: true, force: true });
    await cp(copy, appendOnlyDir(redis), { recursive: true });
    await pause(AWAY_MS);
    await redis.start();
    return 1;
  },
};

/** The master is killed; the replica takes over, and the old master comes back as its replica. */
async function killMaster(stage: Stage): Promise<number> {
  const watched = watchedOn(stage);
  const [first, second] = watched.servers;
  const master = await watched.master();
  const replica = master === first ? second : first;
  await master.kill9();
  await watched.named(replica);
  await master.start();
  await master.ask(`REPLICAOF 127.0.0.1 ${replica.port}`);
  await watched.replicated(replica);
  return 1;
}

/** The same, while the replica lacks what the master took in the last second. */
async function killAheadOfReplica(stage: Stage): Promise<number> {
  const watched = watchedOn(stage);
  const [first, second] = watched.servers;
  const master = await watched.master();
  const replica = master === first ? second : first;
  const proxy = await openTcpProxy(master);
  try {
    await replica.ask(`REPLICAOF 127.0.0.1 ${proxy.port}`);
    await watched.replicating(replica);
    proxy.hold();
    await pause(REPLICA_LAG_MS);
    await master.kill9();
    // Its writes must not reach the replica.
    proxy.cut();
    await watched.named(replica);
  } finally {
    await proxy.close();
  }
  await master.start();
  await master.ask(`REPLICAOF 127.0.0.1 ${replica.port}`);
  await watched.replicated(replica);
  return 1;
}

/** Sentinel promotes the replica although the master runs on, and makes that a replica ten seconds later. */
async function demoteMaster(stage: Stage): Promise<number> {
  const watched = watchedOn(stage);
  const [first, second] = watched.servers;
  const master = await watched.master();
  const replica = master === first ? second : first;
  await watched.failover();
  await watched.named(replica);
  await watched.replicated(replica);
  return 1;
}

const ACKS = { store: 'sentinel-acks', mayLose: 'unacked' } as const;

/** A master with one replica and three Sentinels, and `ACK_REPLICAS=1`. */
export const FAILOVERS: readonly Plan[] = [
  { name: 'master-kill', title: 'Sentinel: the master killed (−9)', ...ACKS, run: killMaster },
  {
    name: 'master-kill-behind',
    title: 'Sentinel: the master killed (−9), its replica 1 s behind',
    ...ACKS,
    run: killAheadOfReplica,
  },
  { name: 'demotion', title: 'Sentinel: the master demoted, not killed', ...ACKS, run: demoteMaster },
];

/** The same without `ACK_REPLICAS`. */
const failoverBehind: Plan = {
  name: 'failover-behind',
  title: 'Sentinel without `ACK_REPLICAS`: the master killed (−9), its replica 1 s behind',
  store: 'sentinel',
  mayLose: 'acked',
  run: killAheadOfReplica,
};

export const LOSSES: readonly Plan[] = [
  { ...emptyRedis, mayLose: 'acked' },
  { ...olderRedis, mayLose: 'acked' },
  failoverBehind,
];

function watchedOn({ watched }: Stage): WatchedRedis {
  if (!watched) throw new Error('this fault needs a Redis with Sentinels');
  return watched;
}

function appendOnlyDir({ path }: { readonly path: string }): string {
  return join(dirname(path), 'appendonlydir');
}

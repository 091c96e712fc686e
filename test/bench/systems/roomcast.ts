import { childrenOf, isAlive } from '../../faults/processes.ts';
import { startHost } from '../../support/cluster.ts';
import { openProbe } from '../inside/probe.ts';
import { openRunRedis, type RunRedis } from './redis.ts';
import { endAll } from './server-process.ts';
import type { RunningSystem, System, SystemOptions } from './system.ts';

/** One connection of the benchmark says far more than a person. */
const SETTINGS = { RATE_SAY: '0', LOG_LEVEL: 'warn' };

/** What is built in dist/, a cluster of one host. */
export const ROOMCAST: System = {
  name: 'roomcast',
  title: 'Roomcast',
  dialectName: 'roomcast',
  open: openCluster,
};

/** The same with signed frames on the bus. */
export const SIGNED: System = {
  name: 'signed',
  title: 'Roomcast, BUS_SECRET',
  dialectName: 'roomcast',
  open: (options) => openCluster({ ...options, env: { ...options.env, BUS_SECRET: 'b'.repeat(32) } }),
};

async function openCluster(options: SystemOptions): Promise<RunningSystem> {
  const redis = await openRunRedis(options.tap);
  try {
    return await start(options, redis);
  } catch (error) {
    await redis.close();
    throw error;
  }
}

/** The same without Redis; clients connect straight to the workers, as they do in the cluster's runs. */
export const EMBEDDED: System = {
  name: 'embedded',
  title: 'Roomcast, embedded',
  dialectName: 'roomcast',
  open: (options) => start(options, undefined),
};

async function start(
  { workers, profileDir, memory, env, node, main }: SystemOptions,
  redis: RunRedis | undefined,
): Promise<RunningSystem> {
  const task = memory ? 'memory' : profileDir === undefined ? undefined : 'profile';
  const probe = await openProbe(task, profileDir);
  const startedAt = performance.now();
  const host = await startHost({
    workers,
    ...(node === undefined ? {} : { node }),
    ...(main === undefined ? {} : { main }),
    ...(redis === undefined ? {} : { redisUrl: redis.url }),
    env: { ...SETTINGS, ...probe.env, ...env },
  });
  const readyMs = performance.now() - startedAt;
  const workerPids = childrenOf(host.pid);
  return {
    readyMs,
    ports: workerPids.map((_, slot) => host.basePort + slot),
    pids: (part) =>
      part === 'worker'
        ? workerPids
        : part === 'primary'
          ? [host.pid]
          : part === 'redis' && redis
            ? [redis.pid]
            : [],
    windowBegins: () => probe.startProfile([host.pid, ...workerPids]),
    windowEnds: () => probe.stopProfile([host.pid, ...workerPids]),
    collect: () => probe.collect(workerPids),
    ...(redis === undefined ? {} : { askRedis: redis.ask, redisPath: redis.path }),
    ...(redis?.tap === undefined ? {} : { tap: redis.tap }),
    deaths: () => workerPids.filter((pid) => !isAlive(pid)).length,
    async stop() {
      // Nothing of a run is kept, and a drain would ask a thousand clients to leave first.
      await host.kill9();
      endAll(workerPids);
      await host.remove();
      await redis?.close();
      await probe.close();
    },
  };
}

import { fileURLToPath } from 'node:url';
import { childrenOf, isAlive } from '../../faults/processes.ts';
import { freePorts } from '../../support/ports.ts';
import { openProbe } from '../inside/probe.ts';
import { openRunRedis } from './redis.ts';
import { endAll, openServerProcess } from './server-process.ts';
import type { RunningSystem, System, SystemOptions } from './system.ts';

const SOCKET_IO = fileURLToPath(new URL('../stock/server.mjs', import.meta.url));
const WS = fileURLToPath(new URL('../stock/ws-server.mjs', import.meta.url));

export const SHARDED: System = {
  name: 'sharded',
  title: 'Socket.IO, sharded adapter',
  dialectName: 'stock',
  open: (options) => startOnRedis('sharded', options),
};

export const CLASSIC: System = {
  name: 'classic',
  title: 'Socket.IO, classic adapter',
  dialectName: 'stock',
  open: (options) => startOnRedis('classic', options),
};

/** Without Redis: what one worker broadcasts goes to the others by IPC, through the primary. It stores nothing. */
export const CLUSTERED: System = {
  name: 'clustered',
  title: 'Socket.IO, cluster adapter',
  dialectName: 'stock',
  open: (options) => start(SOCKET_IO, { ADAPTER: 'cluster' }, options),
};

/** One process that sends every member the same prebuilt message. */
export const BARE_WS: System = {
  name: 'ws',
  title: 'bare ws',
  dialectName: 'ws',
  open: (options) => start(WS, {}, options),
};

/** The time limit: a run in which the baseline gives up messages would say nothing of what they cost it. */
async function startOnRedis(adapter: string, options: SystemOptions): Promise<RunningSystem> {
  const redis = await openRunRedis(options.tap);
  try {
    const running = await start(
      SOCKET_IO,
      { ADAPTER: adapter, REDIS_URL: redis.url, COMMAND_TIMEOUT_MS: '60000' },
      options,
    );
    return {
      ...running,
      pids: (part) => (part === 'redis' ? [redis.pid] : running.pids(part)),
      askRedis: redis.ask,
      ...(redis.tap === undefined ? {} : { tap: redis.tap }),
      async stop() {
        await running.stop();
        await redis.close();
      },
    };
  } catch (error) {
    await redis.close();
    throw error;
  }
}

async function start(
  script: string,
  env: Readonly<Record<string, string>>,
  { workers, memory, node }: SystemOptions,
): Promise<RunningSystem> {
  const probe = await openProbe(memory ? 'memory' : undefined, undefined);
  const basePort = await freePorts(workers);
  const startedAt = performance.now();
  const server = await openServerProcess(
    script,
    {
      BASE_PORT: String(basePort),
      WORKERS: String(workers),
      ...env,
      ...probe.env,
    },
    node,
  );
  const readyMs = performance.now() - startedAt;
  const workerPids = childrenOf(server.pid);
  return {
    readyMs,
    ports: workerPids.map((_, slot) => basePort + slot),
    pids: (part) => (part === 'worker' ? workerPids : part === 'primary' ? [server.pid] : []),
    windowBegins: async () => undefined,
    windowEnds: async () => undefined,
    collect: () => probe.collect(workerPids),
    deaths: () => workerPids.filter((pid) => !isAlive(pid)).length,
    async stop() {
      await server.stop();
      endAll(workerPids);
      await probe.close();
    },
  };
}

import { fileURLToPath } from 'node:url';
import { isAlive } from '../../faults/processes.ts';
import { freePorts } from '../../support/ports.ts';
import { openRunRedis, type RunRedis } from './redis.ts';
import { openServerProcess, type ServerProcess } from './server-process.ts';
import type { RunningSystem, System, SystemOptions } from './system.ts';

const SCRIPT = fileURLToPath(new URL('./simulated-hosts.mjs', import.meta.url));
/** A host of eight cores is common. */
const WORKERS_PER_HOST = 8;
const HOSTS_PER_PROCESS = 32;
/** As deploy/prometheus/prometheus.yml says. */
const SCRAPE_MS = 15_000;
/** The heap of one process is that of hundreds of workers. */
const NODE_OPTIONS = '--import=tsx --max-old-space-size=8192 --max-semi-space-size=64';

interface SimulatedHost {
  readonly basePort: number;
  readonly workers: number;
}

/**
 * A cluster of many workers in a few processes, on a Redis of its own. Each worker is the real one with all that it does at
 * rest, and serves clients; what its process costs is not that of a real worker.
 */
export const SIMULATED: System = {
  name: 'simulated',
  title: 'Roomcast, many workers in a process',
  dialectName: 'roomcast',
  async open(options) {
    const redis = await openRunRedis(options.tap);
    const opened: ServerProcess[] = [];
    try {
      return await start(options, redis, opened);
    } catch (error) {
      await Promise.all([...opened.map((one) => one.stop()), redis.close()]);
      throw error;
    }
  },
};

async function start(
  { workers, env }: SystemOptions,
  redis: RunRedis,
  processes: ServerProcess[],
): Promise<RunningSystem> {
  const hosts: SimulatedHost[] = [];
  for (let left = workers; left > 0; left -= WORKERS_PER_HOST) {
    const count = Math.min(WORKERS_PER_HOST, left);
    hosts.push({ basePort: await freePorts(count), workers: count });
  }
  const starts = await Promise.allSettled(
    inProcesses(hosts).map(async (shared) => {
      const started = await openServerProcess(SCRIPT, {
        NODE_OPTIONS,
        REDIS_URL: redis.url,
        API_KEYS: 'the-key-of-all-hosts',
        RATE_SAY: '0',
        ...env,
        SIMULATED: JSON.stringify({ hosts: shared, scrapeMs: SCRAPE_MS }),
      });
      processes.push(started);
    }),
  );
  for (const started of starts) if (started.status === 'rejected') throw started.reason;
  const pids = processes.map(({ pid }) => pid);
  return {
    ports: hosts.flatMap((host) => Array.from({ length: host.workers }, (_, slot) => host.basePort + slot)),
    pids: (part) => (part === 'worker' ? pids : part === 'redis' ? [redis.pid] : []),
    windowBegins: async () => undefined,
    windowEnds: async () => undefined,
    collect: async () => undefined,
    askRedis: redis.ask,
    redisPath: redis.path,
    ...(redis.tap === undefined ? {} : { tap: redis.tap }),
    deaths: () => pids.filter((pid) => !isAlive(pid)).length,
    async stop() {
      await Promise.all(processes.map((one) => one.stop()));
      await redis.close();
    },
  };
}

/** The first host, whose workers have the talkers, is alone in its process: the crowd at rest does not delay it. */
function inProcesses([first, ...others]: readonly SimulatedHost[]): SimulatedHost[][] {
  const groups = first === undefined ? [] : [[first]];
  for (let at = 0; at < others.length; at += HOSTS_PER_PROCESS) {
    groups.push(others.slice(at, at + HOSTS_PER_PROCESS));
  }
  return groups;
}

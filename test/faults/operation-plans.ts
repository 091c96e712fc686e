import { setTimeout as pause } from 'node:timers/promises';
import type { Plan } from './plan.ts';
import { isAlive } from './processes.ts';

/* Faults of operation: a store that refuses, a process that hangs, a clock that is set, a bad deploy. */

/** A Redis that answers and takes no writes. Its longer time is more than a lease, in which nobody may be taken for dead. */
function refusingRedis(name: string, title: string, begin: string, end: string, ms: number): Plan {
  return {
    name,
    title,
    async run({ redis }) {
      await redis.ask(begin);
      await pause(ms);
      await redis.ask(end);
      return 0;
    },
  };
}

export const fullRedis = refusingRedis(
  'full-redis',
  'Redis full for 12 s',
  'CONFIG SET maxmemory 1',
  'CONFIG SET maxmemory 0',
  12_000,
);
export const readOnlyRedis = refusingRedis(
  'read-only-redis',
  'Redis a replica for 5 s, and promoted again',
  'REPLICAOF 127.0.0.1 1',
  'REPLICAOF NO ONE',
  5_000,
);

export const hungWorker: Plan = {
  name: 'hung-worker',
  title: 'a worker stopped (SIGSTOP) until it is replaced',
  notForStock: true,
  async run(stage, random) {
    const before = stage.workers(0);
    const pid = before[random.below(before.length)] as number;
    stage.watch.expectExit(pid);
    process.kill(pid, 'SIGSTOP');
    await until(() => !isAlive(pid));
    await until(() => stage.workers(0).length === before.length);
    return 1;
  },
};

const clockSteps: Plan = {
  name: 'clock-steps',
  title: 'all clocks 1 h ahead for 6 s, then back',
  changesBuild: true,
  async run(stage) {
    const pids = [0, 1].flatMap((host) => [stage.primary(host), ...stage.workers(host)]);
    const step = async (seconds: number, signal: NodeJS.Signals) => {
      await stage.redis.ask(`SET step ${seconds}`);
      for (const pid of pids) process.kill(pid, signal);
    };
    await step(3_600, 'SIGUSR2');
    await pause(6_000);
    await step(0, 'SIGWINCH');
    return 2;
  },
};

const BAD_BUILD = 'process.exit(3);';
const FAILED_STARTS = 4;

const badDeploy: Plan = {
  name: 'bad-deploy',
  title: 'a reload onto a build whose workers end at once, then kill −9 of a worker',
  changesBuild: true,
  async run(stage) {
    const { build, watch } = stage;
    if (!build) throw new Error('the stage has no build of its own');
    const failed = new Set<number>();
    const healthy = stage.workers(0);
    await build.spoilWorkers(BAD_BUILD);
    // The watch takes notice of all processes, so these must be announced.
    const expecting = setInterval(() => {
      for (const pid of stage.workers(0)) {
        if (healthy.includes(pid)) continue;
        failed.add(pid);
        watch.expectExit(pid);
      }
    }, 20);
    process.kill(stage.primary(0), 'SIGHUP');
    await until(() => failed.size > 0 && stage.workers(0).length === healthy.length);
    stage.killWorker(0, 1);
    await until(() => failed.size >= FAILED_STARTS);
    clearInterval(expecting);
    await build.spoilWorkers('');
    return failed.size;
  },
};

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('the fault did not take its course');
    await pause(20);
  }
}

/** Each alone, on a stage of its own. */
export const BUILD_PLANS: readonly Plan[] = [clockSteps, badDeploy];

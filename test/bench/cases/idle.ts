import { setTimeout as pause } from 'node:timers/promises';
import { rssBytes } from '../../faults/processes.ts';
import { type Case, type Point, type Scale, systemOptions } from '../case.ts';
import { pssOf } from '../measure/memory.ts';
import { cpuOfParts } from '../measure/window.ts';
import type { Part, RunningSystem, System } from '../systems/system.ts';

/** An idle worker collects its garbage after 16 s. */
const SIZES = {
  tiny: { restMs: 100, seconds: 0.5 },
  quick: { restMs: 25_000, seconds: 20 },
  full: { restMs: 25_000, seconds: 60 },
} as const;
const WORKERS = 2;
const MEGA = 1_048_576;
const NANOS_PER_MS = 1e6;

/** A host that has nothing to do. */
export const IDLE: Case = {
  name: 'idle',
  title: 'idle: a host of two workers without clients, its Redis aside',
  rounds: 3,
  figures: [
    { value: 'workerRssMb', title: 'worker RSS MB', digits: 0, shown: true },
    { value: 'workerPssMb', title: 'worker Pss MB', digits: 0, shown: true },
    { value: 'primaryRssMb', title: 'primary RSS MB', digits: 0, shown: true },
    { value: 'primaryPssMb', title: 'primary Pss MB', digits: 0, shown: true },
    { value: 'hostCpuPercent', title: '% of a core', digits: 2, shown: true },
    { value: 'readyMs', title: 'ready after ms', digits: 0, shown: true },
    { value: 'startCpuMs', title: 'CPU ms until ready', digits: 0, shown: true },
  ],
  scenes: (scale) => [
    {
      params: { workers: WORKERS },
      systems: ['roomcast', 'sharded'],
      also: ['embedded'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { restMs, seconds } = SIZES[scale.size];
  const startedAt = performance.now();
  const running = await system.open(systemOptions(WORKERS, scale));
  try {
    const readyMs = running.readyMs ?? performance.now() - startedAt;
    const startCpuMs = hostCpuMs(running);
    await pause(restMs);
    await running.windowBegins();
    const [before, restsAt] = [hostCpuMs(running), performance.now()];
    await pause((scale.seconds ?? seconds) * 1_000);
    const [after, endsAt] = [hostCpuMs(running), performance.now()];
    await running.windowEnds();
    if (running.deaths() > 0) throw new Error('a worker ended');
    return [
      {
        params: {},
        values: {
          workerRssMb: megabytes(running, 'worker', rssBytes),
          workerPssMb: megabytes(running, 'worker', pssOf),
          primaryRssMb: megabytes(running, 'primary', rssBytes),
          primaryPssMb: megabytes(running, 'primary', pssOf),
          hostCpuPercent: ((after - before) / (endsAt - restsAt)) * 100,
          readyMs,
          startCpuMs,
        },
      },
    ];
  } finally {
    await running.stop();
  }
}

function hostCpuMs(running: RunningSystem): number {
  const { worker, primary } = cpuOfParts(running);
  return (worker + primary) / NANOS_PER_MS;
}

/** Of one process, in the mean. */
function megabytes(running: RunningSystem, part: Part, bytesOf: (pid: number) => number): number {
  const pids = running.pids(part);
  return pids.reduce((sum, pid) => sum + bytesOf(pid), 0) / pids.length / MEGA;
}

import { setTimeout as pause } from 'node:timers/promises';
import type { CrowdWindow } from '../../../src/load/driver/crowd.ts';
import type { Case, Point, Size } from '../case.ts';
import { crowdOf } from '../crowds.ts';
import { milliseconds } from '../measure/deliveries.ts';
import { pssOf } from '../measure/memory.ts';
import { onStage, type Stage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const MEMBERS = 20;
/** Neither the first, who talks, nor timed more than others. */
const STALLED = 7;
/** Long ones: the kernel takes some megabytes for a client that does not read before the server notices. */
const TEXT_BYTES = 8_000;
const UNACKED = 200;
const COLLECTIONS = 3;
const LOOK_MS = 100;
const MEGA = 1_048_576;
const SIZES = {
  tiny: { perSecond: 50, windowMs: 1_000 },
  quick: { perSecond: 200, windowMs: 6_000 },
  full: { perSecond: 200, windowMs: 8_000 },
} as const;

/** One member of a room stops reading: what the worker keeps for it, and what the others notice. */
export const SLOW_READER: Case = {
  name: 'slow-reader',
  title: 'slow-reader: one of 20 members stops reading at 200 messages of 8 kB a second',
  rounds: 1,
  figures: [
    { value: 'grownMb', title: 'heap + buffers grown by MB', digits: 1, shown: true },
    { value: 'pssGrownMb', title: 'Pss grown by MB', digits: 1 },
    { value: 'p99Ms', title: 'others: p99 ms', digits: 1, shown: true },
    { value: 'calmP99Ms', title: 'p99 ms before', digits: 1, shown: true },
    { value: 'letGoAfterS', title: 'let go after s', digits: 1 },
    { value: 'letGo', title: 'let go', digits: 0 },
  ],
  scenes: ({ size }) => [
    { params: {}, systems: ['roomcast', 'sharded'], run: (system) => run(system, size) },
  ],
};

async function run(system: System, size: Size): Promise<Point[]> {
  const { perSecond, windowMs } = SIZES[size];
  return onStage(system, { workers: 1, memory: true }, async (stage) => {
    const { crowd } = stage;
    const clients = crowdOf(system, { rooms: 1, members: MEMBERS, ports: stage.system.ports });
    await crowd.connect(clients, { textBytes: TEXT_BYTES, timedOneIn: 1 });
    await settled();
    await crowd.talk({ perSecond, unacked: UNACKED });
    await pause(windowMs / 4);
    const calm = await watch(stage, windowMs);
    await crowd.stall(STALLED);
    const stalled = await watch(stage, windowMs);
    return [
      {
        params: {},
        values: {
          grownMb: (stalled.heapBytes - calm.heapBytes) / MEGA,
          pssGrownMb: (stalled.pssBytes - calm.pssBytes) / MEGA,
          p99Ms: milliseconds(stalled.seen.deliverUs, 99),
          calmP99Ms: milliseconds(calm.seen.deliverUs, 99),
          letGo: stalled.letGoMs === undefined ? 0 : 1,
          ...(stalled.letGoMs === undefined ? {} : { letGoAfterS: stalled.letGoMs / 1_000 }),
        },
      },
    ];
  });
}

interface Watched {
  readonly seen: CrowdWindow;
  /** The most that was left after a garbage collection. */
  readonly heapBytes: number;
  readonly pssBytes: number;
  readonly letGoMs?: number;
}

/** As many collections in either window: they hold everybody up a little. */
async function watch({ system, crowd }: Stage, windowMs: number): Promise<Watched> {
  await crowd.mark();
  const startedAt = performance.now();
  let heapBytes = 0;
  let pssBytes = 0;
  let letGoMs: number | undefined;
  let collections = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs >= windowMs) break;
    if (letGoMs === undefined && !(await crowd.connected(STALLED))) letGoMs = performance.now() - startedAt;
    for (const pid of system.pids('worker')) pssBytes = Math.max(pssBytes, pssOf(pid));
    if (elapsedMs >= ((collections + 0.9) / COLLECTIONS) * windowMs) {
      collections += 1;
      const left = await system.collect();
      if (left !== undefined) heapBytes = Math.max(heapBytes, left.heapUsed + left.external);
    }
    await pause(LOOK_MS);
  }
  const seen = await crowd.mark();
  return { seen, heapBytes, pssBytes, ...(letGoMs === undefined ? {} : { letGoMs }) };
}

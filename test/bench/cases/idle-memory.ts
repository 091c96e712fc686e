import { setTimeout as pause } from 'node:timers/promises';
import type { Case, Point, Size } from '../case.ts';
import { crowdOf } from '../crowds.ts';
import { pssOf } from '../measure/memory.ts';
import { onStage } from '../stage.ts';
import { fitLine } from '../statistics.ts';
import type { System } from '../systems/system.ts';

const MEMBERS = 50;
const SIZES = {
  tiny: { step: 50, steps: 3, restMs: 100 },
  quick: { step: 1_000, steps: 4, restMs: 500 },
  full: { step: 2_000, steps: 5, restMs: 700 },
} as const;
const MEGA = 1_048_576;

/** The slope over the number of connections: what a process needs anyway, and what it has grown to, falls out. */
export const IDLE_MEMORY: Case = {
  name: 'idle-memory',
  title: 'idle-memory: bytes per idle connection joined to a room of 50, after GC, slope up to 10,000',
  rounds: 1,
  figures: [
    { value: 'pssBytes', title: 'Pss bytes', digits: 0, shown: true },
    { value: 'pssR2', title: 'R²', digits: 4 },
    { value: 'heapBytes', title: 'heapUsed bytes', digits: 0, shown: true },
    { value: 'heapR2', title: 'R²', digits: 4 },
    { value: 'pssMb', title: 'Pss MB at the end', digits: 0 },
  ],
  scenes: ({ size }) => [
    {
      params: { connections: SIZES[size].step * SIZES[size].steps },
      systems: ['roomcast', 'sharded', 'ws', 'nchan'],
      run: (system) => run(system, size),
    },
  ],
};

async function run(system: System, size: Size): Promise<Point[]> {
  const { step, steps, restMs } = SIZES[size];
  return onStage(system, { workers: 1, memory: true, drivers: 2 }, async ({ system: running, crowd }) => {
    const pss: [number, number][] = [];
    const heap: [number, number][] = [];
    let connections = 0;
    for (let n = 0; n < steps; n += 1) {
      const rooms = step / MEMBERS;
      const plan = { rooms, members: MEMBERS, ports: running.ports, name: `step${n}-`, speakers: 0 };
      const clients = crowdOf(system, { ...plan, firstId: n * 2 * step }).filter(
        ({ role }) => role === 'member',
      );
      await crowd.connect(clients);
      connections += clients.length;
      await pause(restMs);
      const left = await running.collect();
      const bytes = running.pids('worker').reduce((sum, pid) => sum + pssOf(pid), 0);
      pss.push([connections, bytes]);
      if (left !== undefined) heap.push([connections, left.heapUsed]);
    }
    const line = fitLine(pss);
    const heapLine = heap.length === 0 ? undefined : fitLine(heap);
    return [
      {
        params: {},
        values: {
          pssBytes: line.slope,
          pssR2: line.r2,
          pssMb: (pss.at(-1)?.[1] ?? 0) / MEGA,
          ...(heapLine === undefined ? {} : { heapBytes: heapLine.slope, heapR2: heapLine.r2 }),
        },
      },
    ];
  });
}

import { setTimeout as pause } from 'node:timers/promises';
import { type Case, isWanted, type Point, type Scale, systemOptions } from '../case.ts';
import { crowdOf, spreadOver } from '../crowds.ts';
import { milliseconds } from '../measure/deliveries.ts';
import { measureWindow } from '../measure/window.ts';
import { onStage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const MEMBERS = 10;
const UNACKED = 200;
const SIZES = {
  tiny: { rooms: 4, loads: [['idle', 20] as const, ['busy', 80] as const], heatMs: 200, seconds: 0.7 },
  quick: { rooms: 100, loads: [['idle', 100] as const, ['busy', 2_000] as const], heatMs: 1_500, seconds: 3 },
  full: {
    rooms: 100,
    loads: [['idle', 100] as const, ['busy', 2_000] as const],
    heatMs: 1_000,
    seconds: 2.5,
  },
};

/** From the moment something should have been said to its ack and to its arrival, on two workers. */
export const LATENCY: Case = {
  name: 'latency',
  title: 'latency: ms from the intended time of a say, 100 rooms of 10 on two workers',
  rounds: 2,
  figures: [
    { value: 'deliverP50Ms', title: 'delivered: p50 ms', digits: 2, shown: true },
    { value: 'deliverP99Ms', title: 'delivered: p99 ms', digits: 2, shown: true },
    { value: 'ackP50Ms', title: 'acked: p50 ms', digits: 2, shown: true },
    { value: 'ackP99Ms', title: 'acked: p99 ms', digits: 2, shown: true },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: (scale) => [{ params: {}, systems: ['roomcast', 'sharded'], run: (system) => run(system, scale) }],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { rooms, loads, heatMs, seconds } = SIZES[scale.size];
  return onStage(system, systemOptions(2, scale), async ({ system: running, crowd }) => {
    const { ports } = running;
    const plan = { rooms, members: MEMBERS, ports, portOf: spreadOver(ports) };
    await crowd.connect(crowdOf(system, plan), { timedOneIn: 4 });
    await settled();
    const talk = (saysPerS: number) => crowd.talk({ perSecond: saysPerS / rooms, unacked: UNACKED });
    await talk(loads[1]?.[1] ?? 1);
    await pause(heatMs);
    const points: Point[] = [];
    for (const [load, saysPerS] of loads) {
      if (!isWanted({ load }, scale)) continue;
      await crowd.settle();
      await talk(saysPerS);
      await pause(heatMs / 3);
      const { seen, othersCores } = await measureWindow(running, crowd, (scale.seconds ?? seconds) * 1_000);
      points.push({
        params: { load, saysPerS },
        values: {
          deliverP50Ms: milliseconds(seen.deliverUs, 50),
          deliverP99Ms: milliseconds(seen.deliverUs, 99),
          ackP50Ms: milliseconds(seen.ackUs, 50),
          ackP99Ms: milliseconds(seen.ackUs, 99),
          othersCores,
        },
      });
    }
    return points;
  });
}

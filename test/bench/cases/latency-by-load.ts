import { setTimeout as pause } from 'node:timers/promises';
import { type Case, isWanted, type Point, type Scale, systemOptions } from '../case.ts';
import { crowdOf } from '../crowds.ts';
import { deliveryValues } from '../measure/deliveries.ts';
import { measureWindow } from '../measure/window.ts';
import { onStage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const UNACKED = 50;
/** The last load is more than the driver and one worker of any system take: what is delivered then is saturation. */
const SIZES = {
  tiny: { rooms: 4, members: 10, offered: [400, 2_000], heatMs: 200, rampMs: 100, seconds: 0.7 },
  quick: {
    rooms: 10,
    members: 100,
    offered: [2_000, 10_000, 20_000, 50_000, 100_000],
    heatMs: 1_500,
    rampMs: 500,
    seconds: 2,
  },
  full: {
    rooms: 10,
    members: 100,
    offered: [2_000, 10_000, 20_000, 50_000, 100_000, 300_000],
    heatMs: 1_500,
    rampMs: 700,
    seconds: 3,
  },
} as const;

/** The delay of one worker's deliveries, from rest to saturation. */
export const LATENCY_BY_LOAD: Case = {
  name: 'latency-by-load',
  title: 'latency by load: ms from the intended time of a say, one worker, 10 rooms of 100',
  rounds: 5,
  figures: [
    { value: 'p50Ms', title: 'p50 ms', digits: 1, shown: true },
    { value: 'p99Ms', title: 'p99 ms', digits: 1, shown: true },
    { value: 'workerUs', title: 'worker µs', digits: 1, shown: true },
    { value: 'deliveredPerS', title: 'delivered/s', digits: 0 },
    { value: 'driverCores', title: 'clients’ cores', digits: 2 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: (scale) => [
    {
      params: {},
      systems: ['roomcast', 'sharded', 'ws'],
      also: ['embedded'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { rooms, members, offered, heatMs, rampMs, seconds } = SIZES[scale.size];
  return onStage(system, systemOptions(1, scale), async ({ system: running, crowd }) => {
    await crowd.connect(crowdOf(system, { rooms, members, ports: running.ports }));
    await settled();
    const talk = (deliveriesPerS: number) =>
      crowd.talk({ perSecond: deliveriesPerS / members / rooms, unacked: UNACKED });
    await talk(offered[1]);
    await pause(heatMs);
    const points: Point[] = [];
    for (const deliveriesPerS of offered) {
      if (!isWanted({ offered: deliveriesPerS }, scale)) continue;
      await crowd.settle();
      await talk(deliveriesPerS);
      await pause(rampMs);
      const measured = await measureWindow(running, crowd, (scale.seconds ?? seconds) * 1_000);
      points.push({ params: { offered: deliveriesPerS }, values: deliveryValues(measured) });
    }
    return points;
  });
}

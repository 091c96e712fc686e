import { setTimeout as pause } from 'node:timers/promises';
import { type Case, isWanted, type Point, type Scale, systemOptions } from '../case.ts';
import { crowdOf, spreadOver } from '../crowds.ts';
import { deliveryValues } from '../measure/deliveries.ts';
import { measureWindow } from '../measure/window.ts';
import { onStage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const UNACKED = 50;
const SIZES = {
  tiny: { clients: 40, members: [4, 20], deliveriesPerS: 400, heatMs: 200, seconds: 0.7 },
  quick: { clients: 500, members: [10, 100], deliveriesPerS: 20_000, heatMs: 1_500, seconds: 3 },
  full: { clients: 500, members: [10, 100], deliveriesPerS: 20_000, heatMs: 1_000, seconds: 2 },
} as const;

/** The store in the primary instead of Redis, and beside both Socket.IO without Redis and without a store. */
export const EMBEDDED_MODE: Case = {
  name: 'embedded',
  title: 'embedded: CPU µs per delivered message of all processes, two workers, 20,000 deliveries/s',
  rounds: 5,
  figures: [
    { value: 'totalUs', title: 'all µs', digits: 2, shown: true },
    { value: 'workerUs', title: 'workers µs', digits: 2 },
    { value: 'primaryUs', title: 'primary µs', digits: 2 },
    { value: 'redisUs', title: 'Redis µs', digits: 2 },
    { value: 'p50Ms', title: 'p50 ms', digits: 1, shown: true },
    { value: 'p99Ms', title: 'p99 ms', digits: 1, shown: true },
    { value: 'ackP99Ms', title: 'acked: p99 ms', digits: 1 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: (scale) => [
    {
      params: {},
      systems: ['embedded', 'roomcast', 'clustered'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { clients, members, deliveriesPerS, heatMs, seconds } = SIZES[scale.size];
  return onStage(system, systemOptions(2, scale), async ({ system: running, crowd }) => {
    const { ports } = running;
    const points: Point[] = [];
    for (const [index, size] of members.entries()) {
      const rooms = clients / size;
      const plan = { rooms, members: size, ports, portOf: spreadOver(ports), name: `of${size}-` };
      await crowd.connect(crowdOf(system, { ...plan, firstId: index * clients }));
    }
    await settled();
    for (const size of members) {
      if (!isWanted({ members: size }, scale)) continue;
      const rooms = clients / size;
      await crowd.talk({
        perSecond: deliveriesPerS / size / rooms,
        unacked: UNACKED,
        rooms: Array.from({ length: rooms }, (_, room) => `of${size}-${room}`),
      });
      await pause(heatMs);
      const measured = await measureWindow(running, crowd, (scale.seconds ?? seconds) * 1_000);
      points.push({ params: { members: size }, values: deliveryValues(measured) });
      await crowd.settle();
    }
    return points;
  });
}

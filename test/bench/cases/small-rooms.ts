import { setTimeout as pause } from 'node:timers/promises';
import { type Case, isWanted, type Point, type Scale, systemOptions } from '../case.ts';
import { crowdOf, spreadOver, together } from '../crowds.ts';
import { deliveryValues } from '../measure/deliveries.ts';
import { measureWindow } from '../measure/window.ts';
import { onStage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const MEMBERS = 5;
const UNACKED = 50;
const SIZES = {
  tiny: { rooms: 8, saysPerS: 80, heatMs: 200, seconds: 0.7 },
  quick: { rooms: 1_000, saysPerS: 2_000, heatMs: 1_500, seconds: 3 },
  full: { rooms: 1_000, saysPerS: 2_000, heatMs: 4_000, seconds: 2 },
} as const;

/** With few to deliver to, the way through the store is most of a message's cost. */
export const SMALL_ROOMS: Case = {
  name: 'small-rooms',
  title: 'small-rooms: 1,000 rooms of 5 on two workers; CPU µs per message said, the store included',
  rounds: 5,
  figures: [
    { value: 'saidUs', title: 'all µs', digits: 1, shown: true },
    { value: 'saidWorkerUs', title: 'workers µs', digits: 1 },
    { value: 'saidPrimaryUs', title: 'primary µs', digits: 1 },
    { value: 'saidRedisUs', title: 'Redis µs', digits: 1 },
    { value: 'saidPerS', title: 'said/s', digits: 0 },
    { value: 'p50Ms', title: 'p50 ms', digits: 1 },
    { value: 'p99Ms', title: 'p99 ms', digits: 1 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: (scale) => [
    {
      params: { rooms: SIZES[scale.size].rooms },
      systems: ['roomcast', 'sharded', 'embedded', 'clustered'],
      also: ['signed'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { rooms, saysPerS, heatMs, seconds } = SIZES[scale.size];
  const half = rooms / 2;
  return onStage(system, { ...systemOptions(2, scale), drivers: 2 }, async ({ system: running, crowd }) => {
    const { ports } = running;
    const near = { rooms: half, members: MEMBERS, ports, name: 'near', portOf: together(ports) };
    const apart = { ...near, name: 'apart', portOf: spreadOver(ports), firstId: half * MEMBERS };
    await crowd.connect([...crowdOf(system, near), ...crowdOf(system, apart)]);
    await settled();
    const points: Point[] = [];
    await crowd.talk({ perSecond: saysPerS / rooms, unacked: UNACKED });
    await pause(heatMs);
    for (const [members, name] of [
      ['on one worker', 'near'],
      ['on both', 'apart'],
    ] as const) {
      if (!isWanted({ members }, scale)) continue;
      await crowd.settle();
      await crowd.talk({
        perSecond: saysPerS / half,
        unacked: UNACKED,
        rooms: Array.from({ length: half }, (_, room) => `${name}${room}`),
      });
      await pause(heatMs / 3);
      const measured = await measureWindow(running, crowd, (scale.seconds ?? seconds) * 1_000);
      const perSayUs = (ns: number) => ns / 1e3 / (measured.seen.delivered / MEMBERS);
      points.push({
        params: { members },
        values: {
          ...deliveryValues(measured),
          saidUs: perSayUs(measured.totalNs),
          saidWorkerUs: perSayUs(measured.cpuNs.worker),
          saidPrimaryUs: perSayUs(measured.cpuNs.primary),
          saidRedisUs: perSayUs(measured.cpuNs.redis),
          saidPerS: (measured.seen.delivered / MEMBERS / measured.elapsedMs) * 1_000,
        },
      });
    }
    return points;
  });
}

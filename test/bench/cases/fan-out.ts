import { setTimeout as pause } from 'node:timers/promises';
import {
  type Case,
  isWanted,
  type Params,
  type Point,
  type Scale,
  type Scene,
  systemOptions,
} from '../case.ts';
import { crowdOf } from '../crowds.ts';
import { deliveryValues } from '../measure/deliveries.ts';
import { measureWindow } from '../measure/window.ts';
import { onStage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

/** What one speaker may have unanswered, and all of them: the server's turns stay short where rooms are many. */
const UNACKED = 50;
const UNACKED_OF_ALL = 2_000;
/** Messages a second of the heating. */
const HEAT_PER_S = 2_000;
/** Where messages are many for each delivery the say is what is measured, and small-rooms does that better. */
const SMALL_ROUNDS = 2;
const SIZES = {
  tiny: { clients: 40, members: [10], offered: [400, 2_000], heatMs: 200, rampMs: 100, seconds: 0.7 },
  quick: {
    clients: 1_000,
    members: [100],
    offered: [20_000, 200_000],
    heatMs: 1_500,
    rampMs: 700,
    seconds: 3,
  },
  full: {
    clients: 1_000,
    members: [2, 10, 100, 1_000],
    offered: [20_000, 200_000],
    heatMs: 1_000,
    rampMs: 500,
    seconds: 2,
  },
} as const;

/** What one delivery costs the one worker all members are on, in rooms of different sizes. */
export const FAN_OUT: Case = {
  name: 'fan-out',
  title: 'fan-out: CPU µs per delivered message, one worker, 1,000 clients',
  rounds: 5,
  figures: [
    { value: 'workerUs', title: 'worker µs', digits: 2, shown: true },
    { value: 'totalUs', title: 'all µs', digits: 2 },
    { value: 'redisUs', title: 'Redis µs', digits: 2 },
    { value: 'deliveredPerS', title: 'delivered/s', digits: 0, shown: isFlooded },
    { value: 'p50Ms', title: 'p50 ms', digits: 1 },
    { value: 'p99Ms', title: 'p99 ms', digits: 1, shown: isFlooded },
    { value: 'refusedPerS', title: 'refused/s', digits: 0 },
    { value: 'driverCores', title: 'clients’ cores', digits: 2 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: (scale) => SIZES[scale.size].members.map((members) => scene(members, scale)),
};

/** Where not all of them keep up. */
function isFlooded({ offered }: Params): boolean {
  return offered === 200_000;
}

function scene(members: number, scale: Scale): Scene {
  const main = members === 100 || scale.size !== 'full';
  // In rooms of other sizes the others differ little from it, and 15 minutes are not to be spent on that.
  const others = main ? ['ws', 'nchan'] : [];
  return {
    params: { members },
    systems: ['roomcast', 'sharded', ...others],
    also: ['classic', 'embedded', 'signed', 'ws', 'nchan'].filter((system) => !others.includes(system)),
    ...(members < 100 ? { rounds: SMALL_ROUNDS } : {}),
    run: (system) => run(system, members, scale),
  };
}

async function run(system: System, members: number, scale: Scale): Promise<Point[]> {
  const { clients, offered, heatMs, rampMs, seconds } = SIZES[scale.size];
  const rooms = Math.floor(clients / members);
  return onStage(system, systemOptions(1, scale), async (stage) => {
    const { crowd } = stage;
    await crowd.connect(crowdOf(system, { rooms, members, ports: stage.system.ports }));
    await settled();
    const talk = (deliveries: number) =>
      crowd.talk({
        perSecond: deliveries / members / rooms,
        unacked: Math.min(UNACKED, Math.ceil(UNACKED_OF_ALL / rooms)),
      });
    // A process runs its code slowly until it has run it often.
    await talk(Math.max(offered[0], Math.min(offered[1], HEAT_PER_S * members)));
    await pause(heatMs);
    await crowd.settle();
    const points: Point[] = [];
    for (const deliveries of offered) {
      if (!isWanted({ offered: deliveries }, scale)) continue;
      await talk(deliveries);
      await pause(rampMs);
      const measured = await measureWindow(stage.system, crowd, (scale.seconds ?? seconds) * 1_000);
      points.push({ params: { offered: deliveries }, values: deliveryValues(measured) });
    }
    return points;
  });
}

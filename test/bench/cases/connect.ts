import { setTimeout as pause } from 'node:timers/promises';
import type { Case, Point, Scale } from '../case.ts';
import { systemOptions } from '../case.ts';
import { crowdOf, spreadOver } from '../crowds.ts';
import { milliseconds } from '../measure/deliveries.ts';
import { readRedisCounts } from '../measure/redis-counts.ts';
import { type Measured, measureWindow } from '../measure/window.ts';
import { onStage } from '../stage.ts';
import type { RunningSystem, System } from '../systems/system.ts';

const MEMBERS = 50;
const SIZES = { tiny: 100, quick: 2_000, full: 5_000 } as const;
const AWAY_MS = 500;

/** From the first packet to being in a room: one after the other, and all at once after a cut. */
export const CONNECT: Case = {
  name: 'connect',
  title: 'connect: CPU µs per connection that joins a room of 50, two workers; then all cut and back at once',
  rounds: 2,
  figures: [
    { value: 'connectUs', title: 'all µs', digits: 0, shown: true },
    { value: 'connectWorkerUs', title: 'workers µs', digits: 0 },
    { value: 'connectPrimaryUs', title: 'primary µs', digits: 0 },
    { value: 'connectRedisUs', title: 'Redis µs', digits: 0 },
    { value: 'connectCommands', title: 'Redis commands', digits: 1 },
    { value: 'stormUs', title: 'storm: all µs', digits: 0, shown: true },
    { value: 'stormMs', title: 'storm: all in after ms', digits: 0, shown: true },
    { value: 'stormP50Ms', title: 'storm: p50 ms', digits: 0 },
    { value: 'stormP99Ms', title: 'storm: p99 ms', digits: 0 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: (scale) => [
    {
      params: { connections: SIZES[scale.size] },
      systems: ['roomcast', 'sharded'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const connections = SIZES[scale.size];
  return onStage(system, { ...systemOptions(2, scale), drivers: 2 }, async ({ system: running, crowd }) => {
    const { ports } = running;
    const plan = { rooms: connections / MEMBERS, members: MEMBERS, ports, portOf: spreadOver(ports) };
    const clients = crowdOf(system, plan);
    // The first ones find code that never ran.
    await crowd.connect(crowdOf(system, { ...plan, rooms: 2, name: 'first', firstId: 1e6 }));
    const before = await redisCalls(running);
    const calm = await measureWindow(running, crowd, () => crowd.connect(clients));
    const calls = (await redisCalls(running)) - before;
    await crowd.cut();
    await pause(AWAY_MS);
    let back: Awaited<ReturnType<typeof crowd.connect>> | undefined;
    const storm = await measureWindow(running, crowd, async () => {
      back = await crowd.connect(clients, { inFlight: connections });
    });
    const eachUs = ({ totalNs }: Pick<Measured, 'totalNs'>) => totalNs / 1e3 / connections;
    return [
      {
        params: {},
        values: {
          connectUs: eachUs(calm),
          connectWorkerUs: calm.cpuNs.worker / 1e3 / connections,
          connectPrimaryUs: calm.cpuNs.primary / 1e3 / connections,
          connectRedisUs: calm.cpuNs.redis / 1e3 / connections,
          connectCommands: calls / connections,
          stormUs: eachUs(storm),
          stormMs: back?.tookMs ?? 0,
          stormP50Ms: back === undefined ? 0 : milliseconds(back.joinUs, 50),
          stormP99Ms: back === undefined ? 0 : milliseconds(back.joinUs, 99),
          othersCores: Math.max(calm.othersCores, storm.othersCores),
        },
      },
    ];
  });
}

/** Commands so far, those that scripts run among them; 0 without a Redis. */
async function redisCalls({ askRedis }: RunningSystem): Promise<number> {
  return askRedis === undefined ? 0 : (await readRedisCounts(askRedis)).calls;
}

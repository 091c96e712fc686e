import { setTimeout as pause } from 'node:timers/promises';
import { type Crowd, type CrowdWindow, openCrowd } from '../../../src/load/driver/crowd.ts';
import type { ClientSpec } from '../../../src/load/driver/orders.ts';
import { type Case, type Point, type Scale, systemOptions } from '../case.ts';
import { crowdOf, spreadOver } from '../crowds.ts';
import { milliseconds } from '../measure/deliveries.ts';
import { measureWindow } from '../measure/window.ts';
import { checkCrowd, onStage, settled } from '../stage.ts';
import type { RunningSystem, System } from '../systems/system.ts';

const CHATTERS = 50;
const WATCHERS = 50;
const SAYS_PER_S = 20;
const UNACKED = 200;
const STORMS = 5;
const STORMED = 'stormed';
const SIZES = {
  tiny: { walkers: 60, overMs: 600, stayMs: 200 },
  quick: { walkers: 2_000, overMs: 2_000, stayMs: 1_000 },
  full: { walkers: 5_000, overMs: 5_000, stayMs: 1_000 },
} as const;

/** Thousands come and go in one room while others talk in another one; each talk also without the storm. */
export const PRESENCE_STORM: Case = {
  name: 'presence-storm',
  title: 'presence-storm: 5,000 join and leave a room within 5 s, 50 talk in another at 20 messages a second',
  rounds: 1,
  figures: [
    { value: 'stormP99Ms', title: 'chat p99 ms in the storm', digits: 1, shown: true },
    { value: 'calmP99Ms', title: 'chat p99 ms without', digits: 1, shown: true },
    { value: 'stormTimes', title: 'storm ÷ without', digits: 1, shown: true },
    { value: 'presenceMessages', title: 'presence messages per member', digits: 1, shown: true },
    { value: 'presenceBytes', title: 'presence bytes per member', digits: 0, shown: true },
    { value: 'passUs', title: 'workers’ CPU µs per coming and going', digits: 0 },
  ],
  scenes: (scale) => [
    {
      params: { joins: SIZES[scale.size].walkers },
      systems: ['roomcast'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { walkers, overMs, stayMs } = SIZES[scale.size];
  return onStage(system, systemOptions(2, scale), async ({ system: running, crowd: chat }) => {
    const { ports } = running;
    const portOf = spreadOver(ports);
    const crowd = await openCrowd(system.dialectName, 1);
    try {
      await chat.connect(crowdOf(system, { rooms: 1, members: CHATTERS, ports, portOf }), { timedOneIn: 1 });
      await crowd.connect([...watchersOf(portOf), ...walkersOf(walkers, portOf)]);
      await settled();
      await chat.talk({ perSecond: SAYS_PER_S, unacked: UNACKED });
      await pause(overMs / 5);
      const values = await stormAndCalm(running, chat, crowd, { overMs, stayMs, walkers });
      await checkCrowd(crowd, running);
      return [{ params: {}, values }];
    } finally {
      await crowd.close();
    }
  });
}

interface Storm {
  readonly overMs: number;
  readonly stayMs: number;
  readonly walkers: number;
}

async function stormAndCalm(
  system: RunningSystem,
  chat: Crowd,
  crowd: Crowd,
  { overMs, stayMs, walkers }: Storm,
): Promise<Point['values']> {
  const calm: CrowdWindow[] = [];
  const stormy: CrowdWindow[] = [];
  let [messages, bytes, workerNs] = [0, 0, 0];

  async function calmly(): Promise<void> {
    await chat.mark();
    await pause(overMs + stayMs);
    calm.push(await chat.mark());
  }

  async function storm(): Promise<void> {
    await chat.mark();
    const { entered, left } = await crowd.pass({ room: STORMED, overMs, stayMs });
    stormy.push(await chat.mark());
    if (entered < walkers || left < walkers) {
      throw new Error(`${entered} of ${walkers} were let in, ${left} left`);
    }
    // What is gathered comes after at most a second.
    await pause(1_100);
  }

  // What runs for the first time is compiled meanwhile.
  await storm();
  stormy.length = 0;
  for (let round = 0; round < STORMS; round += 1) {
    await calmly();
    const { seen, cpuNs } = await measureWindow(system, crowd, storm);
    messages += seen.asideMessages;
    bytes += seen.asideBytes;
    workerNs += cpuNs.worker;
  }
  const [stormP99Ms, calmP99Ms] = [p99Of(stormy), p99Of(calm)];
  return {
    stormP99Ms,
    calmP99Ms,
    stormTimes: stormP99Ms / Math.max(calmP99Ms, 0.001),
    presenceMessages: messages / WATCHERS / STORMS,
    presenceBytes: bytes / WATCHERS / STORMS,
    passUs: workerNs / 1e3 / walkers / STORMS,
  };
}

/** Of all windows together. */
function p99Of([first, ...others]: readonly CrowdWindow[]): number {
  if (first === undefined) return 0;
  for (const { deliverUs } of others) first.deliverUs.add(deliverUs);
  return milliseconds(first.deliverUs, 99);
}

function watchersOf(portOf: (room: number, member: number) => number): ClientSpec[] {
  return Array.from({ length: WATCHERS }, (_, n) => {
    const id = 1_000 + n;
    return { id, port: portOf(0, n), room: STORMED, role: 'member' as const };
  });
}

function walkersOf(count: number, portOf: (room: number, member: number) => number): ClientSpec[] {
  return Array.from({ length: count }, (_, n) => {
    const id = 2_000 + n;
    return { id, port: portOf(0, n), role: 'member' as const };
  });
}

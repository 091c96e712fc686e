import { setTimeout as pause } from 'node:timers/promises';
import type { Case, Point, Size } from '../case.ts';
import { crowdOf, spreadOver, together } from '../crowds.ts';
import { readRedisCounts } from '../measure/redis-counts.ts';
import { onStage, type Stage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const ROOMS = 8;
const MEMBERS = 8;
const JOINED_MS = 1_000;
const UNACKED = 50;
const SIZES = {
  tiny: { workers: [2], windowMs: 700, saysPerS: 80 },
  quick: { workers: [1, 4], windowMs: 1_000, saysPerS: 1_000 },
  full: { workers: [1, 2, 4, 8], windowMs: 1_000, saysPerS: 1_500 },
} as const;

/** What Redis has to do for a message as workers are added: counts, which no noise changes. */
export const BUS_GROWTH: Case = {
  name: 'bus-growth',
  title: 'bus-growth: what Redis does per message said in a room of 8, by the number of workers',
  rounds: 1,
  figures: [
    { value: 'messages', title: 'output messages', digits: 2, shown: true },
    { value: 'commands', title: 'commands of clients', digits: 2 },
    { value: 'calls', title: 'commands with those of scripts', digits: 2 },
    {
      value: 'outputBytes',
      title: 'output bytes',
      digits: 0,
      shown: ({ workers }) => workers === 8,
    },
  ],
  scenes: ({ size }) =>
    SIZES[size].workers.map((workers) => ({
      params: { workers },
      systems: ['roomcast', 'sharded', 'classic'],
      run: (system) => run(system, size, workers),
    })),
};

async function run(system: System, size: Size, workers: number): Promise<Point[]> {
  return onStage(system, { workers, tap: true }, async (stage) => {
    const { ports } = stage.system;
    const near = { rooms: ROOMS, members: MEMBERS, ports, name: 'near', portOf: together(ports) };
    const apart = { ...near, name: 'apart', portOf: spreadOver(ports), firstId: ROOMS * MEMBERS };
    await stage.crowd.connect([...crowdOf(system, near), ...crowdOf(system, apart)]);
    await settled();
    // What joining leaves to do, such as telling of who is there at most once a second, is no part of it.
    await pause(JOINED_MS);
    const points: Point[] = [];
    for (const [members, name] of [
      ['on one worker', 'near'],
      ['on all', 'apart'],
    ] as const) {
      points.push({ params: { members }, values: await perSay(stage, size, name) });
    }
    return points;
  });
}

/** What a stretch with talk has more than one of the same length without, by the messages said. */
async function perSay({ system, crowd }: Stage, size: Size, name: string): Promise<Point['values']> {
  const { windowMs, saysPerS } = SIZES[size];
  const { askRedis, tap } = system;
  if (askRedis === undefined || tap === undefined) throw new Error('a system without Redis has no bus');

  async function counted(during: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = { ...(await readRedisCounts(askRedis as never)), ...tapped() };
    const endAt = performance.now() + windowMs;
    await during();
    await pause(Math.max(0, endAt - performance.now()));
    const after: Record<string, number> = { ...(await readRedisCounts(askRedis as never)), ...tapped() };
    return Object.fromEntries(
      Object.entries(before).map(([what, times]) => [what, (after[what] as number) - times]),
    );
  }
  const tapped = () => ({ commands: tap.commands(), messages: tap.messages() });

  const idle = await counted(async () => undefined);
  await crowd.mark();
  const talking = await counted(async () => {
    const rooms = Array.from({ length: ROOMS }, (_, room) => `${name}${room}`);
    await crowd.talk({ perSecond: saysPerS / ROOMS, unacked: UNACKED, rooms });
    await pause(windowMs * 0.6);
    await crowd.settle();
  });
  const { sent } = await crowd.mark();
  return Object.fromEntries(
    Object.entries(talking).map(([what, times]) => [what, (times - (idle[what] as number)) / sent]),
  );
}

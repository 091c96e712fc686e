import { setTimeout as pause } from 'node:timers/promises';
import type { Case, Point, Size } from '../case.ts';
import { crowdOf, spreadOver, together } from '../crowds.ts';
import { readRedisCounts } from '../measure/redis-counts.ts';
import { onStage, type Stage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const ROOMS = 8;
const MEMBERS = 8;
/** What a worker may say of itself in a window: it lives, it hears. */
const IDLE_MESSAGES = 4;
const IDLE_TRIES = 10;
const LATE_MS = 300;
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
    const idle = await idleWindow(stage, size);
    const points: Point[] = [];
    for (const [members, name] of [
      ['on one worker', 'near'],
      ['on all', 'apart'],
    ] as const) {
      points.push({ params: { members }, values: await perSay(stage, size, { name, idle }) });
    }
    return points;
  });
}

type Counts = Readonly<Record<string, number>>;

/** What is done within a window, and by its end. */
async function countIn({ system }: Stage, windowMs: number, during: () => Promise<unknown>): Promise<Counts> {
  const { askRedis, tap } = system;
  if (askRedis === undefined || tap === undefined) throw new Error('a system without Redis has no bus');
  const now = async (): Promise<Record<string, number>> => ({
    ...(await readRedisCounts(askRedis)),
    commands: tap.commands(),
    messages: tap.messages(),
  });
  const before = await now();
  const endAt = performance.now() + windowMs;
  await during();
  await pause(Math.max(0, endAt - performance.now()));
  const after = await now();
  return Object.fromEntries(
    Object.entries(before).map(([what, times]) => [what, (after[what] as number) - times]),
  );
}

/** Once all is told that joining leaves to tell, which goes on for a while. */
async function idleWindow(stage: Stage, size: Size): Promise<Counts> {
  const { windowMs } = SIZES[size];
  for (let tries = 1; ; tries += 1) {
    const idle = await countIn(stage, windowMs, async () => undefined);
    const quiet = (idle.messages ?? 0) <= IDLE_MESSAGES * stage.system.ports.length;
    if (quiet || tries === IDLE_TRIES) return idle;
  }
}

/** What a window with talk has more than an idle one, by the messages said. */
async function perSay(
  stage: Stage,
  size: Size,
  { name, idle }: { readonly name: string; readonly idle: Counts },
): Promise<Point['values']> {
  const { crowd } = stage;
  const { windowMs, saysPerS } = SIZES[size];
  await crowd.mark();
  const talking = await countIn(stage, windowMs, async () => {
    const rooms = Array.from({ length: ROOMS }, (_, room) => `${name}${room}`);
    await crowd.talk({ perSecond: saysPerS / ROOMS, unacked: UNACKED, rooms });
    await pause(windowMs * 0.6);
    await crowd.settle();
    // Stock workers ack first and publish when they get to it.
    await pause(LATE_MS);
  });
  const { acked } = await crowd.mark();
  return Object.fromEntries(
    Object.entries(talking).map(([what, times]) => [what, (times - (idle[what] as number)) / acked]),
  );
}

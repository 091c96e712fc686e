import { setTimeout as pause } from 'node:timers/promises';
import type { Histogram } from 'hdr-histogram-js';
import type { Case, Point, Size, Values } from '../case.ts';
import { crowdOf, spreadOver, together } from '../crowds.ts';
import { milliseconds } from '../measure/deliveries.ts';
import { countIdleCommands } from '../measure/idle-commands.ts';
import { type RedisHoldings, readRedisCounts, readRedisHoldings } from '../measure/redis-counts.ts';
import { measureRedisLatency, type RedisLatency } from '../measure/redis-latency.ts';
import { type Measured, measureWindow } from '../measure/window.ts';
import { onStage, type Stage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const TALKING_WORKERS = 8;
const ROOMS = 10;
const MEMBERS = 5;
const UNACKED = 50;
/** Begins the names of values that count one command each: calls per worker and second. */
export const COMMAND = 'command:';
/** Copies of one room's messages that Redis sends in a second, to all workers together. */
const COPIES_PER_S = 2_000;
const SIZES = {
  tiny: { workers: [10, 50], restMs: 3_000, idleMs: 6_000, talkMs: 700, saysPerS: 50 },
  quick: { workers: [10, 100], restMs: 3_000, idleMs: 15_000, talkMs: 5_000, saysPerS: 100 },
  full: { workers: [10, 100, 1_000], restMs: 10_000, idleMs: 30_000, talkMs: 10_000, saysPerS: 100 },
} as const;

/** The work of a Redis for workers at rest, and the time in which it answers meanwhile. */
export const BACKGROUND: Case = {
  name: 'background',
  title:
    'background: what workers at rest ask of one Redis, by their number; then few rooms talk; then one that all have',
  rounds: 1,
  figures: [
    { value: 'redisPercent', title: 'at rest: Redis % of a core', digits: 2 },
    { value: 'commandsPerS', title: 'commands/s', digits: 0 },
    { value: 'workerCommandsPerS', title: 'of each worker', digits: 2 },
    { value: 'workerRedisUsPerS', title: 'Redis µs/s for each', digits: 0 },
    { value: 'workerOutputBytesPerS', title: 'bytes/s to each', digits: 0 },
    { value: 'connections', title: 'connections', digits: 0 },
    { value: 'workerMemoryBytes', title: 'Redis bytes for each', digits: 0 },
    { value: 'pingP50Ms', title: 'PING p50 ms', digits: 2 },
    { value: 'pingP99Ms', title: 'PING p99 ms', digits: 2 },
    { value: 'talkPingP99Ms', title: 'few talk: PING p99 ms', digits: 2 },
    { value: 'ackP50Ms', title: 'ack p50 ms', digits: 2 },
    { value: 'ackP99Ms', title: 'ack p99 ms', digits: 2 },
    { value: 'sayRedisUs', title: 'Redis µs per message', digits: 1 },
    { value: 'copyRedisUs', title: 'a room on all: Redis µs per copy', digits: 2 },
    { value: 'copyBytes', title: 'bytes per copy', digits: 0 },
    { value: 'copyWorkerUs', title: 'worker µs per copy and its delivery', digits: 0 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: ({ size }) =>
    SIZES[size].workers.map((workers) => ({
      params: { workers },
      systems: ['simulated'],
      run: (system) => run(system, size, workers),
    })),
};

function run(system: System, size: Size, workers: number): Promise<Point[]> {
  const { restMs, idleMs, talkMs, saysPerS } = SIZES[size];
  return onStage(system, { workers }, async (stage) => {
    const { ports } = stage.system;
    await pause(restMs);
    const rest = await atRest(stage, workers, idleMs);

    const near = ports.slice(0, TALKING_WORKERS);
    const few = { rooms: ROOMS, members: MEMBERS, ports: near, name: 'few', portOf: together(near) };
    await stage.crowd.connect(crowdOf(system, few));
    const talk = await talking(stage, { name: 'few', rooms: ROOMS, perSecond: saysPerS, forMs: talkMs });

    const all = { rooms: 1, members: workers, ports, name: 'all', portOf: spreadOver(ports), firstId: 1_000 };
    await stage.crowd.connect(crowdOf(system, all));
    const perSecond = Math.max(1, Math.min(saysPerS, COPIES_PER_S / workers));
    const wide = await talking(stage, { name: 'all', rooms: 1, perSecond, forMs: talkMs });

    const sayRedisUs = perSay(talk, 'redis', rest);
    // A message of the others has one copy already.
    const perCopy = (wideValue: number, talkValue: number) => (wideValue - talkValue) / (workers - 1);
    return [
      {
        params: {},
        values: {
          ...rest.values,
          talkPingP99Ms: milliseconds(talk.pingUs, 99),
          ackP50Ms: milliseconds(talk.measured.seen.ackUs, 50),
          ackP99Ms: milliseconds(talk.measured.seen.ackUs, 99),
          sayRedisUs,
          copyRedisUs: perCopy(perSay(wide, 'redis', rest), sayRedisUs),
          copyBytes: perCopy(perSay(wide, 'outputBytes', rest), perSay(talk, 'outputBytes', rest)),
          copyWorkerUs: perCopy(perSay(wide, 'worker', rest), perSay(talk, 'worker', rest)),
          othersCores: Math.max(
            rest.measured.othersCores,
            talk.measured.othersCores,
            wide.measured.othersCores,
          ),
        },
      },
    ];
  });
}

type Ask = (command: string) => Promise<string>;

/** The costs of a second: CPU in µs, and bytes that Redis sent. */
type Spent = Readonly<Record<'redis' | 'worker' | 'outputBytes', number>>;

interface Spending {
  readonly measured: Measured;
  readonly perS: Spent;
  readonly pingUs: Histogram;
}

async function spending(
  { system, crowd }: Stage,
  during: (askRedis: Ask, latency: RedisLatency) => Promise<unknown>,
): Promise<Spending> {
  const { askRedis, redisPath } = system;
  if (askRedis === undefined || redisPath === undefined) throw new Error('a system without Redis');
  const before = await readRedisCounts(askRedis);
  const latency = await measureRedisLatency(redisPath);
  const measured = await measureWindow(system, crowd, () => during(askRedis, latency));
  const pingUs = latency.stop();
  const after = await readRedisCounts(askRedis);
  const { cpuNs, elapsedMs } = measured;
  return {
    measured,
    pingUs,
    perS: {
      redis: cpuNs.redis / elapsedMs,
      worker: cpuNs.worker / elapsedMs,
      outputBytes: ((after.outputBytes - before.outputBytes) / elapsedMs) * 1_000,
    },
  };
}

interface Rest extends Spending {
  readonly values: Values;
}

async function atRest(stage: Stage, workers: number, idleMs: number): Promise<Rest> {
  let commands: Readonly<Record<string, number>> = {};
  let holdings: RedisHoldings | undefined;
  const spent = await spending(stage, async (askRedis, latency) => {
    const { calls } = await countIdleCommands(askRedis, idleMs / 1_000);
    commands = { ...calls, ping: (calls.ping ?? 0) - latency.asked() };
    holdings = await readRedisHoldings(askRedis);
  });
  if (holdings === undefined) throw new Error('the window did not end');
  const { measured, perS, pingUs } = spent;
  const seconds = measured.elapsedMs / 1_000;
  const commandsPerS = Object.values(commands).reduce((sum, calls) => sum + calls, 0) / seconds;
  return {
    ...spent,
    values: {
      redisPercent: perS.redis / 1e4,
      commandsPerS,
      workerCommandsPerS: commandsPerS / workers,
      workerRedisUsPerS: perS.redis / workers,
      workerOutputBytesPerS: perS.outputBytes / workers,
      connections: holdings.connections,
      workerMemoryBytes: holdings.memoryBytes / workers,
      pingP50Ms: milliseconds(pingUs, 50),
      pingP99Ms: milliseconds(pingUs, 99),
      ...Object.fromEntries(
        Object.entries(commands).map(([name, calls]) => [`${COMMAND}${name}`, calls / seconds / workers]),
      ),
    },
  };
}

interface Talk {
  readonly name: string;
  readonly rooms: number;
  /** In all rooms together. */
  readonly perSecond: number;
  readonly forMs: number;
}

async function talking(stage: Stage, { name, rooms, perSecond, forMs }: Talk): Promise<Spending> {
  await settled();
  const names = Array.from({ length: rooms }, (_, room) => `${name}${room}`);
  await stage.crowd.talk({ perSecond: perSecond / rooms, unacked: UNACKED, rooms: names });
  const spent = await spending(stage, () => pause(forMs));
  await stage.crowd.settle();
  return spent;
}

/** The costs of a message, beyond the same time at rest. */
function perSay({ measured, perS }: Spending, what: keyof Spent, rest: Rest): number {
  return ((perS[what] - rest.perS[what]) * measured.elapsedMs) / 1_000 / measured.seen.acked;
}

import { setTimeout as pause } from 'node:timers/promises';
import type { Case, Point, Size, Values } from '../case.ts';
import { type CrowdPlan, crowdOf } from '../crowds.ts';
import { readRedisCounts, readRedisHoldings } from '../measure/redis-counts.ts';
import { type Measured, measureWindow } from '../measure/window.ts';
import { onStage, type Stage, settled } from '../stage.ts';
import { PARTS, type Part, type System } from '../systems/system.ts';

const WORKERS = 2;
/** Members of a room. As many rooms of each size get as many messages, so the large ones cost more only by deliveries. */
const LARGE = 50;
const SMALL = 2;
const UNACKED = 50;
const SIZES = {
  tiny: { rooms: 2, restMs: 300, idleMs: 500, talkMs: 700, rampMs: 100, quiet: 40, busy: 80 },
  quick: {
    rooms: 20,
    restMs: 12_000,
    idleMs: 10_000,
    talkMs: 3_000,
    rampMs: 1_000,
    quiet: 200,
    busy: 1_500,
  },
  full: {
    rooms: 40,
    restMs: 12_000,
    // Each connection answers one ping in it.
    idleMs: 25_000,
    talkMs: 6_000,
    rampMs: 1_500,
    quiet: 400,
    busy: 2_000,
  },
} as const;

/** The costs of one connect, one idle user, one message and one delivery to each process: the inputs of the capacity model. */
export const COSTS: Case = {
  name: 'costs',
  title:
    'costs: CPU µs, Redis commands and bytes of a connect, an idle user, a message and a delivery, through nginx',
  rounds: 2,
  figures: [
    { value: 'connectWorkerUs', title: 'connect: worker µs', digits: 0 },
    { value: 'connectPrimaryUs', title: 'primary µs', digits: 0 },
    { value: 'connectRedisUs', title: 'Redis µs', digits: 0 },
    { value: 'connectNginxUs', title: 'nginx µs', digits: 0 },
    { value: 'connectCommands', title: 'commands', digits: 1 },
    { value: 'userRedisBytes', title: 'Redis bytes', digits: 0 },
    { value: 'idleWorkerUs', title: 'idle user and s: worker µs', digits: 2 },
    { value: 'idleRedisUs', title: 'Redis µs', digits: 2 },
    { value: 'idleNginxUs', title: 'nginx µs', digits: 2 },
    { value: 'idleCommands', title: 'commands', digits: 3 },
    { value: 'sayWorkerUs', title: 'message: worker µs', digits: 0 },
    { value: 'sayNginxUs', title: 'nginx µs', digits: 0 },
    { value: 'sayRedisUs', title: 'Redis µs', digits: 0 },
    { value: 'sayBusyRedisUs', title: 'at many a second', digits: 0 },
    { value: 'sayCommands', title: 'commands', digits: 1 },
    { value: 'sayRedisBytes', title: 'Redis bytes', digits: 0 },
    { value: 'deliveryWorkerUs', title: 'delivery: worker µs', digits: 1 },
    { value: 'deliveryNginxUs', title: 'nginx µs', digits: 1 },
    { value: 'workerUs', title: 'worker at rest: µs/s', digits: 0 },
    { value: 'othersCores', title: 'others’ cores', digits: 2 },
  ],
  scenes: ({ size }) => [
    { params: { workers: WORKERS }, systems: ['proxied'], run: (system) => run(system, size) },
  ],
};

/** A window, with what Redis did and keeps more than before it. */
interface Counted extends Measured {
  readonly calls: number;
  readonly redisBytes: number;
}

function run(system: System, size: Size): Promise<Point[]> {
  const { rooms, restMs, idleMs, talkMs, rampMs, quiet, busy } = SIZES[size];
  return onStage(system, { workers: WORKERS, drivers: 2 }, async (stage) => {
    const { ports } = stage.system;
    const large = { rooms, members: LARGE, ports, name: 'large' };
    const small = { rooms, members: SMALL, ports, name: 'small', firstId: 1e5 };
    const talk = async (plan: Pick<CrowdPlan, 'rooms' | 'name'>, perSecond: number) => {
      await settled();
      const names = Array.from({ length: plan.rooms }, (_, room) => `${plan.name}${room}`);
      await stage.crowd.talk({ perSecond: perSecond / plan.rooms, unacked: UNACKED, rooms: names });
      await pause(rampMs);
      const counted = await counting(stage, () => pause(talkMs));
      await stage.crowd.settle();
      return counted;
    };

    // These find code that never ran.
    await stage.crowd.connect(crowdOf(system, small));
    await talk(small, busy);
    await pause(restMs);
    const rest = await counting(stage, () => pause(idleMs));
    const clients = crowdOf(system, large);
    const connect = await counting(stage, () => stage.crowd.connect(clients));
    await pause(restMs);
    const idle = await counting(stage, () => pause(idleMs));
    // Before and after, so that what changes meanwhile is not taken for deliveries.
    const before = await talk(small, quiet);
    const many = await talk(large, quiet);
    const after = await talk(small, quiet);
    const flood = await talk(small, busy);

    const users = clients.length;
    return [
      {
        params: {},
        values: {
          ...perConnect(connect, rest, users),
          ...perIdleUser(idle, rest, users),
          ...perMessage({ few: [before, after], many, flood, idle }),
          workerUs: rate(rest, 'worker') / WORKERS,
          othersCores: Math.max(
            ...[rest, connect, idle, before, many, after, flood].map((one) => one.othersCores),
          ),
        },
      },
    ];
  });
}

async function counting(stage: Stage, during: () => Promise<unknown>): Promise<Counted> {
  const { system, crowd } = stage;
  const { askRedis } = system;
  if (askRedis === undefined) throw new Error('a system without Redis');
  const read = async () => ({ ...(await readRedisCounts(askRedis)), ...(await readRedisHoldings(askRedis)) });
  const before = await read();
  const measured = await measureWindow(system, crowd, during);
  const after = await read();
  return {
    ...measured,
    calls: after.calls - before.calls,
    redisBytes: after.memoryBytes - before.memoryBytes,
  };
}

/** CPU µs in a second. */
function rate({ cpuNs, elapsedMs }: Counted, part: Part): number {
  return cpuNs[part] / elapsedMs;
}

/** The costs of a window beyond the same time of another one. */
function beyond(window: Counted, other: Counted) {
  const share = window.elapsedMs / other.elapsedMs;
  return {
    us: Object.fromEntries(
      PARTS.map((part) => [part, (window.cpuNs[part] - other.cpuNs[part] * share) / 1e3]),
    ) as Record<Part, number>,
    calls: window.calls - other.calls * share,
  };
}

function perConnect(connect: Counted, rest: Counted, users: number): Values {
  const { us, calls } = beyond(connect, rest);
  return {
    connectWorkerUs: us.worker / users,
    connectPrimaryUs: us.primary / users,
    connectRedisUs: us.redis / users,
    connectNginxUs: us.nginx / users,
    connectCommands: calls / users,
    userRedisBytes: connect.redisBytes / users,
  };
}

function perIdleUser(idle: Counted, rest: Counted, users: number): Values {
  const { us, calls } = beyond(idle, rest);
  const userSeconds = (users * idle.elapsedMs) / 1_000;
  return {
    idleWorkerUs: us.worker / userSeconds,
    idleRedisUs: us.redis / userSeconds,
    idleNginxUs: us.nginx / userSeconds,
    idleCommands: calls / userSeconds,
  };
}

interface Talks {
  /** Few messages: in small rooms, and in large ones between. */
  readonly few: readonly [Counted, Counted];
  readonly many: Counted;
  /** Many messages in small rooms. */
  readonly flood: Counted;
  readonly idle: Counted;
}

function perMessage({ few, many, flood, idle }: Talks): Values {
  const each = (window: Counted, part: Part) => beyond(window, idle).us[part] / window.seen.acked;
  const small = (part: Part) => (each(few[0], part) + each(few[1], part)) / 2;
  const delivery = (part: Part) => (each(many, part) - small(part)) / (LARGE - SMALL);
  return {
    sayWorkerUs: small('worker') - SMALL * delivery('worker'),
    sayNginxUs: small('nginx') - SMALL * delivery('nginx'),
    sayRedisUs: small('redis'),
    sayBusyRedisUs: each(flood, 'redis'),
    sayCommands: beyond(few[0], idle).calls / few[0].seen.acked,
    sayRedisBytes: flood.redisBytes / flood.seen.acked,
    deliveryWorkerUs: delivery('worker'),
    deliveryNginxUs: delivery('nginx'),
  };
}

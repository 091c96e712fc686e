import { COMMAND } from '../cases/background.ts';
import { origins } from '../readme-table.ts';
import type { Row } from '../rows.ts';
import { backgroundRows, costsOf, sourcesOf } from './inputs.ts';
import { CORE_US, type Costs, type Placement, type Profile, planOf } from './model.ts';

const WORKERS = [10, 100, 1_000];
const PLACEMENTS: readonly Placement[] = ['anywhere', 'together'];
/** Of the plan, as deploy/README.md says it. */
export const PROFILE: Profile = { everyS: 60, members: 50, stayS: 1_800, kept: 1_000 };
/** Of the costs and of the worked example. */
const EXAMPLE = 100;

/** Lists the cost of one of each. */
export function costsTable(rows: readonly Row[]): string {
  const costs = costsOf(rows, EXAMPLE);
  const line = (title: string, { workerUs, redisUs, nginxUs }: Costs['connect']) => [
    title,
    ...[workerUs, redisUs, nginxUs].map((us) => (us === 0 ? '' : us < 10 ? number(us, 1) : number(us))),
  ];
  const bytes = (title: string, worker: number, redis: number) => [
    title,
    worker === 0 ? '' : `${number(worker)} B`,
    redis === 0 ? '' : `${number(redis)} B`,
    '',
  ];
  const table = tableOf([
    ['', 'worker', 'Redis', 'nginx'],
    line('connect and join a room', costs.connect),
    line('a connected user, each second', costs.idleUser),
    line('a message', costs.message),
    line('… for each further worker with members of the room', costs.copy),
    line('… for each delivery to a member', costs.delivery),
    line('a worker at rest, each second', costs.worker),
    bytes('memory for a connected user in a room', costs.userWorkerBytes, costs.userRedisBytes),
    bytes('memory for a message that is kept', 0, costs.messageRedisBytes),
    bytes('network from Redis to a worker, for a message', 0, costs.copyBytes),
  ]);
  const sources = sourcesOf(rows);
  const others = Math.max(...sources.map(({ values }) => values.othersCores?.median ?? 0));
  return [
    table,
    '',
    ...origins(sources),
    `Other programs kept up to ${number(others, 1)} cores busy meanwhile; above 0.1, the costs are too high.`,
  ].join('\n');
}

/** The users that a cluster of so many workers can have: on one Redis, then on as many as its workers need. */
export function capacityTable(rows: readonly Row[]): string {
  const plans = WORKERS.flatMap((workers) =>
    PLACEMENTS.map((placement) => ({
      start: [number(workers), placement === 'anywhere' ? 'all' : 'one'],
      ...planOf(costsOf(rows, workers), PROFILE, workers, placement),
    })),
  );
  const start = ['workers', 'a room is on'];
  const ofOne = tableOf([
    [...start, 'users with one Redis', 'first limit', 'messages/s', 'deliveries/s', 'network of Redis'],
    ...plans.map((plan) => {
      const { users, first, messagesPerS, deliveriesPerS, busBytesPerS } = plan.one;
      return [
        ...plan.start,
        rounded(users),
        first,
        rounded(messagesPerS),
        rounded(deliveriesPerS),
        `${rounded(busBytesPerS / 1e6)} MB/s`,
      ];
    }),
  ]);
  const ofEnough = tableOf([
    [
      ...start,
      'Redis servers that the workers need',
      'users',
      'messages/s',
      'deliveries/s',
      'network of each Redis',
      'memory of each Redis',
      'memory of each worker’s users',
      'nginx cores',
    ],
    ...plans.map(({ start: begin, enough }) =>
      enough === undefined
        ? [...begin, 'no number is enough', '', '', '', '', '', '', '']
        : [
            ...begin,
            number(enough.redisServers),
            rounded(enough.users),
            rounded(enough.messagesPerS),
            rounded(enough.deliveriesPerS),
            `${rounded(enough.busBytesPerS / enough.redisServers / 1e6)} MB/s`,
            `${rounded(enough.redisBytes / enough.redisServers / 1e9)} GB`,
            `${rounded(enough.workerBytes / 1e6)} MB`,
            rounded(enough.nginxCores),
          ],
    ),
  ]);
  return `${ofOne}\n\n${ofEnough}`;
}

/** The formula with numbers in it. */
export function exampleOf(rows: readonly Row[]): string {
  const costs = costsOf(rows, EXAMPLE);
  const { copies, limits } = planOf(costs, PROFILE, EXAMPLE, 'anywhere');
  const { everyS, members, stayS } = PROFILE;
  const us = (value: number) => number(value, value < 10 ? 2 : 0);
  const perUser = (part: 'workerUs' | 'redisUs') => {
    const { idleUser, connect, message, copy, delivery } = costs;
    const told = members * delivery[part] === 0 ? '' : ` + ${members} × ${us(delivery[part])}`;
    const sum =
      idleUser[part] +
      connect[part] / stayS +
      (message[part] + (copies - 1) * copy[part] + members * delivery[part]) / everyS;
    return {
      sum,
      text: `${us(idleUser[part])} + ${us(connect[part])} ÷ ${number(stayS)} + (${us(message[part])} + ${number(copies - 1, 1)} × ${us(copy[part])}${told}) ÷ ${everyS} = ${us(sum)} µs`,
    };
  };
  const [worker, redis] = [perUser('workerUs'), perUser('redisUs')];
  const left = (restUs: number) => `(${number(CORE_US)} − ${number(restUs)})`;
  return [
    '```',
    `a user, each second:  worker ${worker.text}`,
    `                      Redis  ${redis.text}`,
    `${EXAMPLE} workers carry     ${EXAMPLE} × ${left(costs.worker.workerUs)} ÷ ${us(worker.sum)} = ${rounded(limits['CPU of the workers'])} users`,
    `one Redis carries     ${left(EXAMPLE * costs.worker.redisUs)} ÷ ${us(redis.sum)} = ${rounded(limits['CPU of Redis'])} users`,
    '```',
  ].join('\n');
}

/** The cost of workers at rest to a Redis. */
export function backgroundTable(rows: readonly Row[]): string {
  const runs = backgroundRows(rows);
  const median = ({ values }: Row, name: string) => values[name]?.median ?? 0;
  const table = tableOf([
    [
      'workers',
      'Redis % of a core',
      'commands/s',
      'of each worker',
      'Redis µs/s for each',
      'bytes/s to each',
      'connections',
      'Redis memory',
      'PING p50, p99',
      'append beside it p50, p99',
      'Redis µs per copy',
    ],
    ...runs.map((row) => {
      const value = (name: string, digits = 0) => number(median(row, name), digits);
      return [
        number(Number(row.params.workers)),
        value('redisPercent', 1),
        value('commandsPerS'),
        value('workerCommandsPerS', 1),
        value('workerRedisUsPerS'),
        value('workerOutputBytesPerS'),
        value('connections'),
        `${number((median(row, 'workerMemoryBytes') * Number(row.params.workers)) / 1e6)} MB`,
        `${value('pingP50Ms', 2)}, ${value('pingP99Ms', 1)} ms`,
        `${value('ackP50Ms', 1)}, ${value('ackP99Ms', 1)} ms`,
        value('copyRedisUs', 1),
      ];
    }),
  ]);
  return `${table}\n\n${commandsTable(runs)}`;
}

/** Calls by command, of a worker in a second. */
function commandsTable(runs: readonly Row[]): string {
  const names = [...new Set(runs.flatMap(({ values }) => Object.keys(values)))].filter((name) =>
    name.startsWith(COMMAND),
  );
  const most = (name: string) => Math.max(...runs.map(({ values }) => values[name]?.median ?? 0));
  const lines = names
    .filter((name) => most(name) >= 0.01)
    .sort((one, other) => most(other) - most(one))
    .map((name) => [
      `\`${name.slice(COMMAND.length)}\``,
      ...runs.map(({ values }) => number(values[name]?.median ?? 0, 2)),
    ]);
  return tableOf([
    [
      'calls of a worker each second',
      ...runs.map(({ params }) => `${number(Number(params.workers))} workers`),
    ],
    ...lines,
  ]);
}

function tableOf([head = [], ...lines]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Two figures say what a plan is worth. */
function rounded(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en-US');
}

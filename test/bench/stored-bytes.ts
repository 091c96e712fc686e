/**
 *   npm run stored-bytes -- [--main DIST/main.js] [--strangers N]
 *
 * Prints what strangers leave in the store, in either mode: how many bytes each, and in Redis for how long. Then one client writes
 * as fast as RATE_STORED lets it, for a hundredth of an hour with a hundredth of the burst, and it prints the bytes of an hour. It
 * runs the build in dist/, or an earlier one that was built elsewhere.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { open } from 'lmdb';
import { DATA_FILE } from '../../src/backend/embedded/data-dir.ts';
import { redisKeys } from '../../src/backend/redis/keys.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { MAIN, startHost } from '../support/cluster.ts';
import { connect, type Member } from '../support/member.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import { readScriptOptions } from '../support/script-options.ts';

const { values } = readScriptOptions(import.meta.url, {
  options: {
    main: { type: 'string', default: MAIN },
    strangers: { type: 'string', default: '30' },
    redis: { type: 'string', multiple: true, default: [] },
  },
});
const strangers = Number(values.strangers);
const LONGEST_TEXT = 'x'.repeat(8_192);
/** Most items that it tries to have stored. */
const FLOOD = 200;
const SETTINGS = { RATE_SAY: '0', LOG_LEVEL: 'warn' };
const PAGE_BYTES = 4_096;
const PART_OF_HOUR = 100;

interface Case {
  readonly name: string;
  /** Leaves something. Returns how many logs or messages, by which the bytes are divided. */
  run(client: Member): Promise<number>;
  /** The logs that it leaves. */
  readonly logs: readonly { readonly tag: string }[];
}

const numbered = (name: string) => Array.from({ length: strangers }, (_, index) => `${name}-${index}`);

async function toOne(client: Member, to: string): Promise<number> {
  for (let sent = 0; sent < FLOOD; sent += 1) {
    const ack = await client.ask('private', { to, text: LONGEST_TEXT });
    if (!ack.ok) return sent;
  }
  return FLOOD;
}

const CASES: readonly Case[] = [
  {
    name: 'a room with a message of one byte',
    logs: numbered('room').map((roomid) => roomOf('/', roomid)),
    async run(client) {
      for (const roomid of numbered('room')) {
        await client.do('join', { roomid, username: 'x' });
        await client.do('say', { roomid, text: 'x' });
        await client.do('leave', { roomid });
      }
      return strangers;
    },
  },
  {
    name: 'a private message of 8 kB to somebody who never existed',
    logs: numbered('nobody').map((userId) => inboxOf('/', userId)),
    async run(client) {
      for (const to of numbered('nobody')) await client.do('private', { to, text: LONGEST_TEXT });
      return strangers;
    },
  },
  {
    name: `up to ${FLOOD} of them to one such person`,
    logs: [inboxOf('/', 'one')],
    run: async (client) => {
      const taken = await toOne(client, 'one');
      console.log(`  (${taken} of ${FLOOD} were taken)`);
      return 1;
    },
  },
];

/** Bytes of the logs' keys in Redis, and the longest life of one, which is that of its numbers. */
async function inRedis(redis: RedisProcess, logs: Case['logs']): Promise<{ bytes: number; days: number }> {
  const keys = redisKeys('rc');
  let [bytes, longestMs] = [0, 0];
  for (const { tag } of logs) {
    for (const key of await keysIn(redis, keys.log({ tag })[0].replace(/log$/, '*'))) {
      bytes += await bytesOf(redis, key);
      longestMs = Math.max(longestMs, numberIn(await redis.ask(`PTTL ${key}`)));
    }
  }
  return { bytes, days: longestMs / 86_400_000 };
}

async function keysIn({ ask }: RedisProcess, pattern: string): Promise<string[]> {
  return (await ask(`KEYS ${pattern}`)).split('\r\n').filter((line) => line.startsWith('rc:'));
}

const bytesOf = async ({ ask }: RedisProcess, key: string) =>
  numberIn(await ask(`MEMORY USAGE ${key} SAMPLES 0`));

const numberIn = (reply: string) => Math.max(0, Number(/^:(-?\d+)/.exec(reply)?.[1] ?? 0));

/** Bytes of the pages that the tables of an embedded store take. */
async function onDisk(dataDir: string): Promise<number> {
  const root = open({ path: join(dataDir, DATA_FILE), readOnly: true, maxDbs: 32 });
  try {
    let pages = 0;
    for (const key of [...root.getKeys({})]) {
      const stats = root.openDB({ name: String(key) }).getStats() as Record<string, number>;
      pages += (stats.treeBranchPageCount ?? 0) + (stats.treeLeafPageCount ?? 0) + (stats.overflowPages ?? 0);
    }
    return pages * PAGE_BYTES;
  } finally {
    await root.close();
  }
}

const stranger = (url: string) =>
  connect(url, { query: { roomid: `lobby-${randomBytes(4).toString('hex')}` } });

/** The bytes that an embedded store has more after a stranger was there. */
async function leftOnDisk(
  env: Readonly<Record<string, string>>,
  act: (client: Member) => Promise<unknown>,
): Promise<number> {
  const idle = await startHost({ workers: 1, main: values.main, env });
  (await stranger(idle.workerUrls[0] as string)).close();
  await idle.stop();
  const before = await onDisk(idle.dataDir);
  const { basePort, dataDir } = idle;
  const again = await startHost({ workers: 1, main: values.main, env, basePort, dataDir });
  const client = await stranger(again.workerUrls[0] as string);
  await act(client);
  client.close();
  await again.stop();
  const left = (await onDisk(dataDir)) - before;
  await again.remove();
  return left;
}

/** The bytes that all keys of a Redis have more after a stranger was there. */
async function leftInRedis(
  env: Readonly<Record<string, string>>,
  act: (client: Member) => Promise<unknown>,
): Promise<number> {
  const redis = await openRedis(values.redis);
  const total = async () => {
    let bytes = 0;
    for (const key of await keysIn(redis, '*')) bytes += await bytesOf(redis, key);
    return bytes;
  };
  const host = await startHost({ workers: 1, main: values.main, env, redisUrl: redis.url });
  (await stranger(host.url)).close();
  const before = await total();
  const client = await stranger(host.url);
  await act(client);
  client.close();
  await host.stop();
  const left = (await total()) - before;
  await host.remove();
  await redis.close();
  return left;
}

const HOUR_MS = 3_600_000;
/** Each message goes to another person who never existed. */
const FLOODS = {
  'private messages of 8 kB': (client: Member, to: string) =>
    client.ask('private', { to, text: LONGEST_TEXT }),
  'todos of 32 kB': (client: Member, to: string) =>
    client.ask('todo', { receiver_id: to, what: LONGEST_TEXT.repeat(4).slice(100) } as never),
};

/** RATE_STORED with a part of its burst. */
function partOfBurst(part: number): Readonly<Record<string, string>> {
  const configuration = parseConfiguration({}, { defaultWorkers: 1, terminal: false });
  const rate = configuration.ok ? configuration.settings.rateStored : undefined;
  if (!rate) throw new Error('RATE_STORED has no default');
  const RATE_STORED = `${rate.perMs * 1_000}/1s burst ${rate.burst / part}`;
  return { LOG_LEVEL: 'warn', RATE_STORED };
}

/** Writes as fast as the server takes it, until it is refused after this time. Counts what was taken, in all and before the first refusal. */
async function flood(client: Member, write: (typeof FLOODS)[keyof typeof FLOODS], ms: number) {
  const endsAt = performance.now() + ms;
  let [taken, atOnce] = [0, 0];
  for (;;) {
    const ack = await write(client, `nobody-${taken}`);
    if (ack.ok) {
      taken += 1;
      continue;
    }
    if (ack.error.code !== 'rate_limited') throw new Error(ack.error.message);
    atOnce ||= taken;
    if (performance.now() > endsAt) return { taken, atOnce };
    await pause(ack.error.retryAfterMs ?? 0);
  }
}

async function floodedHour(write: (typeof FLOODS)[keyof typeof FLOODS]) {
  const env = partOfBurst(PART_OF_HOUR);
  return Promise.all(
    [leftInRedis, leftOnDisk].map(async (left) => {
      let messages = { taken: 0, atOnce: 0 };
      const bytes = await left(env, async (client) => {
        messages = await flood(client, write, HOUR_MS / PART_OF_HOUR);
      });
      const first = bytes * PART_OF_HOUR;
      return { first, next: first * (1 - messages.atOnce / messages.taken) };
    }),
  );
}

console.log(`|  | Redis, bytes | for days | embedded, bytes |`);
console.log(`| --- | --- | --- | --- |`);
for (const one of CASES) {
  const redis = await openRedis(values.redis);
  const cluster = await startHost({ workers: 1, main: values.main, env: SETTINGS, redisUrl: redis.url });
  const guest = await stranger(cluster.url);
  const count = await one.run(guest);
  guest.close();
  // The sender has a copy of each private message.
  const { bytes, days } = await inRedis(redis, [...one.logs, inboxOf('/', guest.hello.user.id)]);
  await cluster.stop();
  await cluster.remove();
  await redis.close();

  const left = await leftOnDisk(SETTINGS, one.run);
  const each = (all: number) => Math.round(all / count).toLocaleString('en');
  console.log(`| ${one.name} | ${each(bytes)} | ${days.toFixed(1)} | ${each(left)} |`);
}

console.log(`\n|  | Redis, MB in the first hour | in each further one | embedded | in each further one |`);
console.log(`| --- | --- | --- | --- | --- |`);
for (const [name, write] of Object.entries(FLOODS)) {
  const megabytes = (await floodedHour(write)).flatMap(({ first, next }) => [first, next]);
  console.log(`| ${[name, ...megabytes.map((bytes) => (bytes / 1e6).toFixed(0))].join(' | ')} |`);
}
process.exit(0);

/**
 *   npm run stored-bytes -- [--main DIST/main.js] [--strangers N]
 *
 * Prints what strangers leave in the store, in either mode: how many bytes each, and in Redis for how long. It runs the build in
 * dist/, or an earlier one that was built elsewhere.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { open } from 'lmdb';
import { DATA_FILE } from '../../src/backend/embedded/data-dir.ts';
import { redisKeys } from '../../src/backend/redis/keys.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
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
    const pattern = keys.log({ tag })[0].replace(/log$/, '*');
    for (const key of (await redis.ask(`KEYS ${pattern}`))
      .split('\r\n')
      .filter((line) => line.startsWith('rc:'))) {
      bytes += numberIn(await redis.ask(`MEMORY USAGE ${key} SAMPLES 0`));
      longestMs = Math.max(longestMs, numberIn(await redis.ask(`PTTL ${key}`)));
    }
  }
  return { bytes, days: longestMs / 86_400_000 };
}

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

  const embedded = await startHost({ workers: 1, main: values.main, env: SETTINGS });
  const idle = await stranger(embedded.workerUrls[0] as string);
  idle.close();
  await embedded.stop();
  const before = await onDisk(embedded.dataDir);
  const { basePort, dataDir } = embedded;
  const again = await startHost({ workers: 1, main: values.main, env: SETTINGS, basePort, dataDir });
  const other = await stranger(again.workerUrls[0] as string);
  await one.run(other);
  other.close();
  await again.stop();
  const left = (await onDisk(dataDir)) - before;
  await again.remove();
  const each = (all: number) => Math.round(all / count).toLocaleString('en');
  console.log(`| ${one.name} | ${each(bytes)} | ${days.toFixed(1)} | ${each(left)} |`);
}
process.exit(0);

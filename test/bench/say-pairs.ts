/**
 *   npm run say-pairs -- --before DIST/main.js [--pairs N] [--says N]
 *
 * Compares a plain `say` of two builds by turns: an earlier one, built elsewhere, and the one in dist/. Each has a host of one
 * worker, in cluster mode with a Redis of its own and in embedded mode, and a room of two. Prints the medians of the pairs'
 * ratios, now ÷ before: the processor time of all processes for a say, and the bytes that its entry takes.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf } from '../faults/processes.ts';
import { MAIN, startHost } from '../support/cluster.ts';
import { connect, type Member } from '../support/member.ts';
import { readScriptOptions } from '../support/script-options.ts';
import { cpuNsOf } from './measure/cpu.ts';
import { openRunRedis, type RunRedis } from './systems/redis.ts';

const UNACKED = 8;
/** A busy machine may refuse some for the moment. */
const RETRY_MS = 200;
const TEXT = 'as long as people make their messages, more or less, in a chat';
/** Both keep every entry, so that none is trimmed while bytes are counted. */
const SETTINGS = { RATE_SAY: '0', LOG_LEVEL: 'warn', HISTORY_SIZE: '1000000' };

const { values } = readScriptOptions(import.meta.url, {
  options: {
    before: { type: 'string' },
    pairs: { type: 'string', default: '10' },
    says: { type: 'string', default: '2000' },
  },
});
if (values.before === undefined) throw new Error('--before takes the dist/main.js of an earlier build');
const builds = { before: values.before, now: MAIN };
const [pairs, says] = [Number(values.pairs), Number(values.says)];

interface Side {
  /** Sends them and waits for their acks. Returns the processor time of one, µs. */
  say(count: number): Promise<number>;
  /** The bytes of the entries so far. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

async function sayOnce(of: Member): Promise<number> {
  for (;;) {
    const ack = await of.ask('say', { roomid: 'tea', text: TEXT });
    if (ack.ok) return ack.seq;
    if (!ack.error.temporary) throw new Error(`say: ${ack.error.message}`);
    await pause(RETRY_MS);
  }
}

async function openSide(main: string, mode: 'cluster' | 'embedded'): Promise<Side> {
  const redis = mode === 'cluster' ? await openRunRedis() : undefined;
  const host = await startHost({ workers: 1, main, env: SETTINGS, ...(redis && { redisUrl: redis.url }) });
  const pids = [host.pid, ...childrenOf(host.pid), ...(redis ? [redis.pid] : [])];
  const [sender, other] = await Promise.all(
    ['ann', 'bob'].map((userId) =>
      connect(host.workerUrls[0] as string, { auth: { userId, username: userId }, query: { roomid: 'tea' } }),
    ),
  );
  const spent = () => pids.reduce((sum, pid) => sum + cpuNsOf(pid), 0);
  let last = 0;
  async function talk(of: Member, count: number): Promise<void> {
    let left = count;
    const one = async () => {
      while (left > 0) {
        left -= 1;
        last = await sayOnce(of);
      }
    };
    await Promise.all(Array.from({ length: UNACKED }, one));
    of.heard.length = 0;
    of.said.length = 0;
    of.messages.length = 0;
  }
  return {
    async say(count) {
      const before = spent();
      await talk(sender as Member, count);
      return (spent() - before) / 1_000 / count;
    },
    bytes: async () => (redis ? await entryBytesIn(redis) : (await fileBytes(host.dataDir)) / last),
    async close() {
      for (const member of [sender, other]) member?.close();
      await host.kill9();
      await host.remove();
      await redis?.close();
    },
  };
}

/** The memory of the room's stream for each entry. */
async function entryBytesIn(redis: RunRedis): Promise<number> {
  const reply = await redis.ask(
    "EVAL \"local best = {0, 0} for _, k in ipairs(redis.call('KEYS', '*')) do if redis.call('TYPE', k).ok == 'stream' and redis.call('XLEN', k) > best[1] then best = {redis.call('XLEN', k), redis.call('MEMORY', 'USAGE', k, 'SAMPLES', '0')} end end return tostring(best[2] / best[1])\" 0",
  );
  return Number(/[\d.]+$/.exec(reply.trim())?.[0]);
}

async function fileBytes(dataDir: string): Promise<number> {
  const files = (await readdir(dataDir, { recursive: true })).filter((name) => name.endsWith('data.mdb'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(dataDir, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function median(of: readonly number[]): number {
  const sorted = [...of].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

const show = (number: number, digits = 2) => number.toFixed(digits);

for (const mode of ['cluster', 'embedded'] as const) {
  const sides = { before: await openSide(builds.before, mode), now: await openSide(builds.now, mode) };
  const took: Record<keyof typeof sides, number[]> = { before: [], now: [] };
  // The first run of anything is not compared.
  for (const side of Object.values(sides)) await side.say(says);
  for (let pair = 0; pair < pairs; pair += 1) {
    const order = pair % 2 ? (['now', 'before'] as const) : (['before', 'now'] as const);
    for (const name of order) took[name].push(await sides[name].say(says));
  }
  const ratios = took.now.map((us, pair) => us / (took.before[pair] as number));
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  process.stdout.write(
    `${mode}: say ${show(median(took.before), 0)} µs before, ${show(median(took.now), 0)} µs now, ratio ${show(median(ratios))} (${show(least)} … ${show(most)}, ${pairs} pairs of ${says}); ` +
      `entry ${show(await sides.before.bytes(), 1)} bytes before, ${show(await sides.now.bytes(), 1)} now\n`,
  );
  for (const side of Object.values(sides)) await side.close();
}
process.exit(0);

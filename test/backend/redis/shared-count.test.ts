import { expect, it, onTestFinished, vi } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { openRedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { fixedTarget } from '../../../src/backend/redis/connection/target.ts';
import { createSharedCount } from '../../../src/backend/redis/presence/shared-count.ts';
import { openScripts } from '../../../src/backend/redis/scripts.ts';
import { type Outcome, refuse, succeed } from '../../../src/protocol/codes.ts';
import { granted, range } from '../../contract/peers.ts';
import { redisForTest, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

const { turn } = openScripts();

/** Processes that count together, in a time of the test's. Each count takes as long as the test wants. */
async function setUp() {
  const redis = await redisForTest();
  let nowMs = 0;
  let counts = 0;
  let counted: () => Promise<Outcome<number>> = async () => succeed(7);

  async function open() {
    const target = fixedTarget(parseRedisAddress(redis.url));
    const connection = openRedisConnection({ target, scripts: [turn], log: silent });
    onTestFinished(() => connection.close());
    expect(await connection.usable(30_000)).toBe(true);
    return createSharedCount<number>({
      redis: connection,
      turn,
      keys: ['count', 'count:turn'],
      count: () => {
        counts += 1;
        return counted();
      },
      toNumbers: (count) => [count],
      fromNumbers: ([count = 0]) => count,
      lifetimeMs: () => 60_000,
      now: () => nowMs,
    });
  }

  return {
    redis,
    open,
    openAll: (processes: number) => Promise.all(range(1, processes).map(open)),
    pass: (ms: number) => {
      nowMs += ms;
    },
    counting: (next: typeof counted) => {
      counted = next;
    },
    /** Counts end with what the test calls these with, in their order. */
    holdCounts() {
      const finish: ((count: Outcome<number>) => void)[] = [];
      counted = () => new Promise((resolve) => void finish.push(resolve));
      return finish;
    },
    /** The number of processes that counted since the last call. */
    counts() {
      const since = counts;
      counts = 0;
      return since;
    },
  };
}

it('one process counts when all ask and there is no count, and the others answer with its count', async () => {
  const { redis, openAll, counts, counting } = await setUp();
  const processes = await openAll(8);
  const askAll = async () => (await Promise.all(processes.map((ask) => ask()))).map(granted);
  expect(await askAll()).toEqual(Array(8).fill(7));
  expect(counts()).toBe(1);
  await redis.ask('FLUSHALL');
  counting(async () => succeed(8));
  expect(await askAll()).toEqual(Array(8).fill(8));
  expect(counts()).toBe(1);
});

it('a process that counts for long keeps its turn, and the others answer with the last count', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { redis, openAll, pass, counts, holdCounts, counting } = await setUp();
  const [a, b, c] = await openAll(3);
  for (const ask of [a, b, c]) expect(await ask?.()).toEqual(succeed(7));
  counts();
  const finish = holdCounts();
  pass(60_000);
  const late = a?.();
  await vi.waitUntil(() => finish.length === 1);
  expect([await b?.(), await c?.()]).toEqual([succeed(7), succeed(7)]);
  await redis.ask('PERSIST count');
  await redis.ask('PERSIST count:turn');
  vi.advanceTimersByTime(60_000);
  for (const key of ['count', 'count:turn'])
    await eventually(async () => expect(await redis.ask(`PTTL ${key}`)).not.toBe(':-1\r\n'));
  pass(1_000_000);
  expect([await b?.(), await c?.()]).toEqual([succeed(7), succeed(7)]);
  expect(counts()).toBe(1);
  // Without renewals, the turn of a process that stands still is over in the store.
  await redis.ask('DEL count:turn');
  const next = b?.();
  await vi.waitUntil(() => finish.length === 2);
  finish[0]?.(refuse('unavailable', 'the store is away', 1_000));
  expect(await late).toMatchObject({ ok: false });
  expect(await c?.()).toEqual(succeed(7));
  expect(counts()).toBe(1);
  finish[1]?.(succeed(9));
  expect(await next).toEqual(succeed(9));
  counting(async () => succeed(10));
  expect(await c?.()).toEqual(succeed(9));
});

it('no process counts beside one that makes the first count, however long it takes', async () => {
  const { open, openAll, pass, counts, holdCounts } = await setUp();
  const early = await open();
  pass(1_000_000);
  const [a, b] = await openAll(2);
  const finish = holdCounts();
  const first = a?.();
  await vi.waitUntil(() => finish.length === 1);
  expect(await early()).toMatchObject({ ok: false });
  pass(1_000_000);
  expect(await b?.()).toMatchObject({ ok: false });
  expect(await early()).toMatchObject({ ok: false });
  expect(counts()).toBe(1);
  finish[0]?.(succeed(4));
  expect(await first).toEqual(succeed(4));
  expect([await early(), await b?.()]).toEqual([succeed(4), succeed(4)]);
});

it('each process counts for itself, and rarely, while the store takes no writes', async () => {
  const { redis, openAll, pass, counts } = await setUp();
  const [a, b] = await openAll(2);
  await redis.ask('CONFIG SET maxmemory 1');
  expect(await Promise.all([a?.(), a?.()])).toEqual([succeed(7), succeed(7)]);
  expect(counts()).toBe(1);
  expect(await b?.()).toEqual(succeed(7));
  expect(counts()).toBe(1);
  pass(500_000);
  expect([await a?.(), await b?.()]).toEqual([succeed(7), succeed(7)]);
  expect(counts()).toBe(0);
  pass(500_000);
  expect([await a?.(), await b?.()]).toEqual([succeed(7), succeed(7)]);
  expect(counts()).toBe(2);
  await redis.ask('CONFIG SET maxmemory 0');
  expect([await a?.(), await b?.()]).toEqual([succeed(7), succeed(7)]);
  expect(counts()).toBe(1);
});

it('another process counts after a count that failed', async () => {
  const { openAll, counts, counting } = await setUp();
  const [a, b] = await openAll(2);
  counting(async () => refuse('unavailable', 'the store is away', 1_000));
  expect(await a?.()).toMatchObject({ ok: false });
  counting(async () => succeed(3));
  expect(await b?.()).toEqual(succeed(3));
  expect(counts()).toBe(2);
});

it('a process is elected when the one before died before it stored a count', async () => {
  const { redis, openAll, counts } = await setUp();
  const [a] = await openAll(1);
  await redis.ask('SET count:turn "" PX 60000');
  expect(await a?.()).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
  expect(counts()).toBe(0);
  await redis.ask('PEXPIRE count:turn 1');
  let answer = await a?.();
  while (!answer?.ok) answer = await a?.();
  expect(answer).toEqual(succeed(7));
  expect(counts()).toBe(1);
});

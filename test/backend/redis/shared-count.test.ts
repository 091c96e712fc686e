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
    /** How many processes counted since the last call. */
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
  const { redis, openAll, pass, counts, counting } = await setUp();
  const [a, b, c] = await openAll(3);
  for (const ask of [a, b, c]) expect(await ask?.()).toEqual(succeed(7));
  counts();
  let finish: (count: Outcome<number>) => void = () => undefined;
  counting(() => new Promise((resolve) => (finish = resolve)));
  pass(60_000);
  const late = a?.();
  while (counts() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect([await b?.(), await c?.()]).toEqual([succeed(7), succeed(7)]);
  await redis.ask('PERSIST count');
  await redis.ask('PERSIST count:turn');
  vi.advanceTimersByTime(60_000);
  for (const key of ['count', 'count:turn'])
    await eventually(async () => expect(await redis.ask(`PTTL ${key}`)).not.toBe(':-1\r\n'));
  // Once, for all others together, it counts as dead.
  pass(120_000);
  const next = b?.();
  while (counts() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await c?.()).toEqual(succeed(7));
  expect(counts()).toBe(0);
  finish(succeed(9));
  expect(await next).toEqual(succeed(9));
  expect(await c?.()).toEqual(succeed(9));
  void late;
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

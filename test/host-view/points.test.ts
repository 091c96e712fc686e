import { expect, it } from 'vitest';
import { createPoints, POINT_MS } from '../../src/host-view/points.ts';
import { quantileMs, totalsOf } from '../../src/host-view/totals.ts';
import { createMetrics } from '../../src/server/metrics.ts';

/** Two workers whose metrics count, read every five seconds. */
function setUp() {
  const workers = [createMetrics(), createMetrics()];
  const points = createPoints();
  let elapsedMs = 0;
  async function read(times = 1): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      elapsedMs += POINT_MS;
      const metrics = (await Promise.all(workers.map((worker) => worker.totals()))).flat();
      points.add({
        at: 1_000_000 + elapsedMs,
        elapsedMs,
        totals: totalsOf(metrics, 'Redis'),
        clients: 7,
        loopDelayMs: 3,
      });
    }
  }
  return { workers, points, read };
}

it('rates are of all workers together, from one reading to the next', async () => {
  const { workers, points, read } = setUp();
  await read();
  expect(points.series().at).toEqual([]);
  for (const worker of workers) for (let n = 0; n < 10; n += 1) worker.said('hello');
  workers[0]?.saidPrivately('hello');
  workers[1]?.refused.inc({ code: 'rate_limited' });
  await read();
  await read();
  expect(points.series()).toEqual({
    at: [1_010_000, 1_015_000],
    acks: [4.2, 0],
    deliveries: [0, 0],
    refusals: [0.2, 0],
    ackP50: [null, null],
    ackP99: [null, null],
    waitP50: [null, null],
    waitP99: [null, null],
    storeP50: [null, null],
    storeP99: [null, null],
    clients: [7, 7],
    loopDelayMs: [3, 3],
  });
});

it('times are those of the five seconds before, also after slow ones', async () => {
  const { workers, points, read } = setUp();
  await read();
  for (let n = 0; n < 100; n += 1) workers[n % 2]?.redisReply('append', 150);
  await read();
  for (let n = 0; n < 100; n += 1) workers[n % 2]?.redisReply('append', 1.5);
  await read();
  const { storeP50, storeP99 } = points.series();
  expect(storeP50).toEqual([300, 1.5]);
  expect(storeP99).toEqual([496, 1.99]);
});

it('a quarter of an hour is kept, and what was refused in it', async () => {
  const { workers, points, read } = setUp();
  workers[0]?.refused.inc({ code: 'banned' });
  await read();
  workers[0]?.refused.inc({ code: 'banned' });
  workers[0]?.handshakesRefused.inc({ code: 'forbidden' });
  await read(180);
  expect(points.series().at).toHaveLength(180);
  expect(points.refused()).toEqual([
    { name: 'banned', recent: 1, total: 2 },
    { name: 'forbidden (connecting)', recent: 1, total: 1 },
  ]);
  await read(10);
  expect(points.series().at).toHaveLength(180);
  expect(points.series().at.at(-1)).toBe(1_000_000 + 191 * POINT_MS);
  expect(points.refused().map(({ recent, total }) => [recent, total])).toEqual([
    [0, 2],
    [0, 1],
  ]);
});

it('counts that no worker reports are listed with 0', async () => {
  const { points, read } = setUp();
  await read();
  expect(points.counts()).toContainEqual({ name: 'slow clients closed', recent: 0, total: 0 });
});

it('a quantile lies within its bucket, and above all bounds it is the highest of them', () => {
  const before = new Map([
    [0.1, 5],
    [0.2, 5],
    [Number.POSITIVE_INFINITY, 5],
  ]);
  const after = new Map([
    [0.1, 5],
    [0.2, 15],
    [Number.POSITIVE_INFINITY, 25],
  ]);
  expect(quantileMs(before, before, 0.5)).toBeNull();
  expect(quantileMs(before, after, 0.25)).toBeCloseTo(150);
  expect(quantileMs(before, after, 0.99)).toBe(200);
});

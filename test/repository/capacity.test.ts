import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Costs, planOf } from '../bench/capacity/model.ts';
import { backgroundTable, capacityTable, costsTable, exampleOf } from '../bench/capacity/tables.ts';
import { tableIn } from '../bench/marked-table.ts';
import { readRows } from '../bench/rows.ts';

const NOTHING = { workerUs: 0, redisUs: 0, nginxUs: 0 };
const COSTS: Costs = {
  connect: { workerUs: 1_000, redisUs: 200, nginxUs: 100 },
  idleUser: { workerUs: 2, redisUs: 0, nginxUs: 1 },
  message: { workerUs: 100, redisUs: 80, nginxUs: 50 },
  delivery: { workerUs: 10, redisUs: 0, nginxUs: 5 },
  copy: { workerUs: 40, redisUs: 4, nginxUs: 0 },
  worker: { workerUs: 5_000, redisUs: 100, nginxUs: 0 },
  copyBytes: 500,
  userWorkerBytes: 9_000,
  userRedisBytes: 700,
  messageRedisBytes: 500,
};
const PROFILE = { everyS: 50, members: 10, stayS: 1_000, kept: 100 };

describe('the capacity model', () => {
  it('adds up what a user costs a worker', () => {
    const { limits } = planOf(COSTS, PROFILE, 4, 'together');
    // 2 + 1,000 / 1,000 + (100 + 10 × 10) / 50 = 7 µs each second.
    expect(limits['CPU of the workers']).toBeCloseTo((4 * (500_000 - 5_000)) / 7);
  });

  it('sends a message once to each worker that has members', () => {
    expect(planOf(COSTS, PROFILE, 1_000, 'together').copies).toBe(1);
    expect(planOf(COSTS, PROFILE, 1, 'anywhere').copies).toBe(1);
    expect(planOf(COSTS, PROFILE, 2, 'anywhere').copies).toBeCloseTo(2, 1);
    expect(planOf(COSTS, PROFILE, 1_000, 'anywhere').copies).toBeCloseTo(10, 0);
  });

  it('names the limit that comes first', () => {
    expect(planOf(COSTS, PROFILE, 1, 'together').one.first).toBe('CPU of the workers');
    expect(planOf(COSTS, PROFILE, 1_000, 'together').one.first).toBe('CPU of Redis');
    const large = { ...COSTS, copyBytes: 50_000 };
    expect(planOf(large, PROFILE, 1_000, 'anywhere').one.first).toBe('network of Redis');
    const heavy = { ...COSTS, userWorkerBytes: 1_000_000 };
    expect(planOf(heavy, PROFILE, 10, 'together').one).toMatchObject({
      first: 'memory of the workers',
      users: 10_000,
    });
  });

  it('needs so many Redis servers that each has half a core left for users beside the workers at rest', () => {
    const { limits, one, enough } = planOf(COSTS, PROFILE, 1_000, 'together');
    // 0 + 200 / 1,000 + 80 / 50 = 1.8 µs each second.
    expect(one.users).toBeCloseTo((500_000 - 1_000 * 100) / 1.8);
    expect(enough?.redisServers).toBe(Math.ceil((limits['CPU of the workers'] * 1.8) / 400_000));
    expect(enough?.users).toBe(limits['CPU of the workers']);
  });

  it('gives no number of servers where the workers at rest take all of each', () => {
    const restless = { ...COSTS, worker: { ...NOTHING, redisUs: 1_000 } };
    const { one, enough } = planOf(restless, PROFILE, 1_000, 'together');
    expect(one).toMatchObject({ users: 0, first: 'CPU of Redis' });
    expect(enough).toBeUndefined();
  });
});

describe('the tables of the capacity model', () => {
  it.each([
    ['../../deploy/README.md', 'costs', costsTable],
    ['../../deploy/README.md', 'example', exampleOf],
    ['../../deploy/README.md', 'capacity', capacityTable],
    ['../bench/README.md', 'background', backgroundTable],
  ] as const)('%s holds as %s what the generator makes of the committed rows', async (file, name, make) => {
    const text = await readFile(new URL(file, import.meta.url), 'utf8');
    expect(tableIn(text, name)).toBe(make(await readRows()));
  });
});

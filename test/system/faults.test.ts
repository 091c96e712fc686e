import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FULL, runFault, type Timing } from '../faults/fault-run.ts';
import { judge } from '../faults/judge.ts';
import { LOSSES, PLANS } from '../faults/plans.ts';
import { createRandom } from '../faults/random.ts';
import { lineOf, problemsOf, type Row } from '../faults/report.ts';
import { openStage, type Stage } from '../faults/stage.ts';

/** A part of `npm run faults`, which runs all of them longer and beside the stock chat. */
const SHORT: Timing = { ...FULL, beforeMs: 2_000, afterMs: 6_000, atLeastMs: 8_000 };
const SEED = 20_240;
/** On a busy machine; `npm run faults` says how fast it is. */
const FLOWS_LIMIT_MS = 15_000;

const planNamed = (name: string) => {
  const plan = [...PLANS, ...LOSSES].find((each) => each.name === name);
  if (!plan) throw new Error(`there is no fault ${name}`);
  return plan;
};

describe('under 200 messages a second through nginx on 2 hosts × 2 workers', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage('roomcast');
  });
  afterAll(() => stage?.stop());

  async function play(name: string, storeLoses = false): Promise<Row> {
    const outcome = await runFault(stage, planNamed(name), SHORT, createRandom(SEED), name);
    const row = { outcome, judgement: judge(outcome.records, outcome.finals, storeLoses) };
    process.stdout.write(`${lineOf(row)}\n`);
    return row;
  }

  it.each([
    ['a worker is killed', 'worker-kill'],
    ['the links that messages come by are cut again and again', 'pubsub-kill'],
    ['Redis is frozen', 'redis-freeze'],
    ['Redis is killed and comes back with its data', 'redis-restart'],
    ['one worker’s links to Redis stay open and carry nothing', 'half-open'],
    ['clients are cut and resume', 'client-cuts'],
  ])('nothing is lost, repeated, swapped or leaked while %s', async (_what, name) => {
    const row = await play(name);
    const { lost, repeated, swapped, leaked, acked } = row.judgement;
    expect(problemsOf(row)).toEqual([]);
    expect({ lost, repeated, swapped, leaked }).toEqual({ lost: 0, repeated: 0, swapped: 0, leaked: 0 });
    expect(acked).toBeGreaterThan(1_000);
    expect(row.outcome.flowsAgainMs).toBeLessThan(FLOWS_LIMIT_MS);
  });

  it.each([
    ['is restored from an older copy', 'older-redis'],
    ['is replaced by an empty one', 'empty-redis'],
  ])(
    'a Redis that %s begins a new epoch, tells everybody and puts nothing out of order',
    async (_what, name) => {
      const row = await play(name, true);
      expect(problemsOf(row)).toEqual([]);
      expect(row.judgement.told).toBeGreaterThan(0);
      for (const { entries } of row.outcome.finals) expect(entries.length).toBeGreaterThan(0);
      expect(row.outcome.flowsAgainMs).toBeLessThan(FLOWS_LIMIT_MS);
    },
  );
});

import { afterAll, beforeAll, expect } from 'vitest';
import { createRandom } from '../../src/load/random.ts';
import { FULL, runFault, type Timing } from './fault-run.ts';
import { FAILOVERS, LOSSES, PLANS } from './plans.ts';
import { lineOf, problemsOf, type Row, rowOf } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import type { StoreKind } from './stores.ts';
import { TOPOLOGY_PLANS } from './topology-plans.ts';

const SHORT: Timing = { ...FULL, beforeMs: 2_000, afterMs: 4_000, atLeastMs: 8_000 };
const SEED = 20_240;
/** A busy machine takes longer than the 5 s that are promised; `npm run faults` holds the promise against a quiet one. */
const FLOWS_LIMIT_MS = 15_000;

/** Short runs under 200 messages a second on one stage, which the calling file's tests share. */
export interface ShortRuns {
  /** Fails the test when acked messages were lost, or anything was repeated, swapped or leaked. */
  loseNothing(fault: string): Promise<void>;
  /** For faults that take acked messages from the store: fails unless every client was told of the loss. */
  reportLosses(fault: string): Promise<void>;
}

export function shortRuns(store?: StoreKind): ShortRuns {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('roomcast', store === undefined ? {} : { store });
  });
  afterAll(() => stage?.stop());

  async function play(fault: string): Promise<Row> {
    const plan = [...PLANS, ...FAILOVERS, ...TOPOLOGY_PLANS, ...LOSSES].find(({ name }) => name === fault);
    if (!plan) throw new Error(`there is no fault ${fault}`);
    const outcome = await runFault(stage, plan, SHORT, createRandom(SEED), fault);
    const row = rowOf(outcome);
    process.stdout.write(`${lineOf(row)}\n`);
    expect(problemsOf(row)).toEqual([]);
    expect(outcome.flowsAgainMs).toBeLessThan(FLOWS_LIMIT_MS);
    return row;
  }

  return {
    async loseNothing(fault) {
      const { judgement } = await play(fault);
      const { lost, repeated, swapped, leaked, acked } = judgement;
      expect({ lost, repeated, swapped, leaked }).toEqual({ lost: 0, repeated: 0, swapped: 0, leaked: 0 });
      expect(acked).toBeGreaterThan(1_000);
    },
    async reportLosses(fault) {
      const { judgement, outcome } = await play(fault);
      expect(judgement.reportedLosses).toBeGreaterThan(0);
      for (const { entries } of outcome.finals) expect(entries.length).toBeGreaterThan(0);
    },
  };
}

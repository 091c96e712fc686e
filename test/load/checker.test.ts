import { describe, expect, it } from 'vitest';
import { checkHistory } from '../../src/load/checker/check.ts';
import { createChance, validHistory } from './checker-histories.ts';
import { MUTATIONS, type Mutant, unsaidLoss } from './checker-mutations.ts';

const SEEDS = Array.from({ length: 100 }, (_, at) => at + 1);

describe('the checker, given a history in which every promise was kept', () => {
  it('finds nothing, whatever the clients and the store went through', () => {
    for (const seed of SEEDS) {
      const { records, finals } = validHistory({ seed });
      const verdict = checkHistory(records, finals);
      expect(verdict.problems, `seed ${seed}`).toEqual([]);
      expect(verdict.outcome, `seed ${seed}`).toBe('pass');
    }
  });

  it('finds nothing when messages were deleted, with the deletions in the log’s order', () => {
    for (const seed of SEEDS) {
      const { records, finals } = validHistory({ seed, deletions: true });
      const verdict = checkHistory(records, finals);
      expect(verdict.problems, `seed ${seed}`).toEqual([]);
      expect(verdict.outcome, `seed ${seed}`).toBe('pass');
    }
  });

  it('finds nothing when the store lost its tail and reported it, and counts the loss', () => {
    let lost = 0;
    for (const seed of SEEDS) {
      const { records, finals } = validHistory({ seed, losses: true });
      const verdict = checkHistory(records, finals, { storeMayLose: true });
      expect(verdict.problems, `seed ${seed}`).toEqual([]);
      lost += verdict.counts.storeLost;
    }
    expect(lost).toBeGreaterThan(0);
  });
});

describe('the checker, given a history with one promise broken', () => {
  for (const [fault, mutate] of Object.entries(MUTATIONS)) {
    it(`names ${fault}, with its room, client and number`, () => {
      let tried = 0;
      for (const seed of SEEDS) {
        const mutant = mutate(validHistory({ seed, steps: 200 }), createChance(seed));
        if (!mutant) continue;
        tried += 1;
        expectNamed(mutant, `seed ${seed}`);
      }
      expect(tried).toBeGreaterThan(SEEDS.length / 4);
    });
  }

  it('names a lost tail that was not reported to a client', () => {
    let tried = 0;
    for (const seed of SEEDS) {
      const mutant = unsaidLoss(validHistory({ seed, losses: true }), createChance(seed));
      if (!mutant) continue;
      tried += 1;
      expectNamed(mutant, `seed ${seed}`);
    }
    expect(tried).toBeGreaterThan(SEEDS.length / 8);
  });
});

function expectNamed({ records, finals, expected, alone }: Mutant, seed: string) {
  const { problems, problemCounts, ok } = checkHistory(records, finals, {
    storeMayLose: true,
    keptPerKind: 1_000,
  });
  expect(ok, seed).toBe(false);
  expect(problems, seed).toContainEqual(expect.objectContaining(expected));
  if (alone) expect(problemCounts, seed).toEqual({ [expected.kind]: 1 });
}

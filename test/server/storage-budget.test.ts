import { describe, expect, it } from 'vitest';
import { createStorageBudget } from '../../src/server/storage-budget.ts';
import { ConnectionBudget, Traffic } from '../../src/server/transport/connection-budget.ts';

const ENTRY = 512;
const LOG = 4_096;
const NO_RATES = { events: undefined, bytes: undefined };

function open(mode: 'open' | 'token', rate: { perMs: number; burst: number } | undefined) {
  let at = 0;
  const budget = createStorageBudget({ rate, mode, now: () => at });
  return {
    budget,
    pass: (ms: number) => {
      at += ms;
    },
    of: (id: string, address?: string) => ({
      user: { id, name: id },
      budget: new ConnectionBudget(new Traffic(NO_RATES, () => 0), address),
    }),
  };
}

describe('the bytes that a user has stored', () => {
  it('are refused beyond the budget, until the time that the refusal says', () => {
    const { budget, pass, of } = open('token', { perMs: 1, burst: 10_000 });
    const ann = of('ann');
    expect(budget.take(ann, 1, 10_000 - ENTRY)).toBe(0);
    // A user with nothing left may overdraw it by one event.
    expect(budget.take(ann, 2, 1_000 - ENTRY)).toBe(0);
    expect(budget.take(ann, 1, 0)).toBe(2_001);
    expect(budget.take(of('bob'), 1, 0)).toBe(0);
    pass(1_999);
    expect(budget.take(ann, 1, 0)).toBe(2);
    pass(2);
    expect(budget.take(ann, 1, 0)).toBe(0);
  });

  it('are counted over all connections of the user, and more for the first entry of a log', () => {
    const { budget, of } = open('token', { perMs: 1, burst: LOG });
    budget.takeLog(of('ann'));
    expect(budget.take(of('ann'), 1, 0)).toBe(0);
    expect(budget.take(of('ann'), 1, 0)).toBe(ENTRY + 1);
  });

  it('are counted for four users of an address in open mode, and not with tokens', () => {
    for (const [mode, refused] of [
      ['open', true],
      ['token', false],
    ] as const) {
      const { budget, of } = open(mode, { perMs: 1, burst: 1_000 });
      for (const guest of ['a', 'b', 'c', 'd', 'e'])
        expect(budget.take(of(guest, '192.0.2.1'), 1, 1_000 - ENTRY)).toBe(0);
      expect(budget.take(of('f', '192.0.2.1'), 1, 0) > 0).toBe(refused);
      expect(budget.take(of('g', '192.0.2.2'), 1, 0)).toBe(0);
      // Nothing is taken from a user whose address has no budget left.
      if (refused) expect(budget.take(of('f'), 1, 1_000 - ENTRY)).toBe(0);
    }
  });

  it('have no limit without a rate', () => {
    const { budget, of } = open('open', undefined);
    for (let times = 0; times < 100; times += 1)
      expect(budget.take(of('ann', '192.0.2.1'), 2, 1_000_000)).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { createAddressBudgets } from '../../../src/server/transport/address-budgets.ts';

const rates = { events: { perMs: 0.1, burst: 10 }, bytes: undefined };

describe('the budget of an address', () => {
  it('is fifty times that of a connection and does not affect other addresses', () => {
    const book = createAddressBudgets({
      rates,
      rateSay: { perMs: 0.02, burst: 2 },
      rateSignal: undefined,
      now: () => 0,
    });
    for (let n = 0; n < 500; n += 1) expect(book.trafficOf('school').take(10)).toBe(0);
    expect(book.trafficOf('school').take(10)).toBeGreaterThan(0);
    expect(book.trafficOf('home').take(10)).toBe(0);
    for (let n = 0; n < 100; n += 1) expect(book.says.take('school')).toBe(0);
    expect(book.says.take('school')).toBeGreaterThan(0);
    expect(book.says.take('home')).toBe(0);
  });

  it('is kept in memory only while the address is active', () => {
    let at = 0;
    const book = createAddressBudgets({ rates, rateSay: undefined, rateSignal: undefined, now: () => at });
    for (let n = 0; n < 5_000; n += 1) {
      at += 100;
      book.trafficOf(`address ${n}`).take(1);
    }
    expect(book.size).toBeLessThan(1_100);
  });
});

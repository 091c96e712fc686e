import { describe, expect, it } from 'vitest';
import { createBucket, createSharedBuckets, DebtBucket } from '../../src/chat/rate-limit.ts';

const TWENTY_A_SECOND = { perMs: 20 / 1000, burst: 40 };

describe('a rate limit', () => {
  it('lets a burst through and then says when the next one may come', () => {
    let at = 0;
    const bucket = createBucket(TWENTY_A_SECOND, () => at);
    for (let n = 0; n < 40; n += 1) expect(bucket.take()).toBe(0);
    expect(bucket.take()).toBe(50);
    at = 50;
    expect(bucket.take()).toBe(0);
    expect(bucket.take()).toBe(50);
  });

  it.each([0.1, 20 / 1_000, 1 / 3, 7 / 1_000, 60 / 60_000])(
    'of %d a millisecond lets through whoever waits as long as told, and nobody a moment earlier',
    (perMs) => {
      let at = 0;
      const early: number[] = [];
      const told: number[] = [];
      for (let step = 0; step < 500; step += 1) {
        at = 0;
        // The same fractions in both: one asks again a moment too early.
        const [one, other] = [0, 1].map(() => createBucket({ perMs, burst: 1 }, () => at));
        one?.take();
        other?.take();
        at = (step * 0.37) % (1 / perMs);
        const waitMs = one?.take() ?? 0;
        other?.take();
        if (waitMs === 0) continue;
        at += waitMs - 1;
        early.push(other?.take() ?? 0);
        at += 1;
        told.push(one?.take() ?? 0);
      }
      expect(told).toEqual(told.map(() => 0));
      expect(early.filter((waitMs) => waitMs === 0)).toEqual([]);
    },
  );

  it('gives nothing away when the clock goes back', () => {
    let at = 1_000;
    const bucket = createBucket({ perMs: 1, burst: 1 }, () => at);
    expect(bucket.take()).toBe(0);
    at = 0;
    expect(bucket.take()).toBe(1);
  });

  it('may be off', () => {
    const bucket = createBucket(undefined, () => 0);
    for (let n = 0; n < 10_000; n += 1) expect(bucket.take()).toBe(0);
  });

  it('is shared by the connections of one user', () => {
    const buckets = createSharedBuckets({ perMs: 0.001, burst: 1 }, () => 0);
    expect([buckets.peek('ann'), buckets.peek('ann'), buckets.take('ann')]).toEqual([0, 0, 0]);
    expect([buckets.peek('ann'), buckets.take('ann')]).toEqual([1_000, 1_000]);
    expect(buckets.take('bob')).toBe(0);
  });

  it('forgets full buckets only', () => {
    let at = 0;
    const buckets = createSharedBuckets({ perMs: 0.001, burst: 2 }, () => at);
    for (let n = 0; n < 1_000; n += 1) buckets.take(`early ${n}`);
    at = 500;
    for (let n = 0; n < 900; n += 1) buckets.take(`late ${n}`);
    at = 1_000;
    for (let n = 0; n < 200; n += 1) buckets.take(`now ${n}`);
    expect(buckets.size).toBe(1_100);
    expect([buckets.take('late 1'), buckets.take('late 1')]).toEqual([0, 500]);
  });

  it('of users may be off, too', () => {
    const buckets = createSharedBuckets(undefined, () => 0);
    for (let n = 0; n < 10_000; n += 1) expect(buckets.take('ann')).toBe(0);
    expect(buckets.size).toBe(0);
  });
});

describe('a rate limit that charges for refused events', () => {
  it('admits a client that waits as long as told, and none that goes on', () => {
    let at = 0;
    const bucket = new DebtBucket({ perMs: 0.1, burst: 10 }, () => at);
    for (let n = 0; n < 10; n += 1) expect(bucket.take(1)).toBe(0);
    const waitMs = bucket.take(1);
    expect(waitMs).toBe(20);
    at = 10;
    expect(bucket.take(1)).toBeGreaterThan(0);
    at += 30;
    expect(bucket.take(1)).toBe(0);
  });

  it('recognises a client that goes on regardless, and forgives in a bounded time', () => {
    let at = 0;
    const bucket = new DebtBucket({ perMs: 0.1, burst: 10 }, () => at);
    for (let n = 0; n < 20; n += 1) bucket.take(1);
    expect(bucket.isDeepInDebt).toBe(false);
    bucket.take(1);
    expect(bucket.isDeepInDebt).toBe(true);
    for (let n = 0; n < 1_000; n += 1) bucket.take(1);
    expect(bucket.debtMs).toBe(210);
    at = 210;
    expect(bucket.take(1)).toBe(0);
  });

  it('lets a charge make a client wait, and never takes it for one that goes on regardless', () => {
    const bucket = new DebtBucket({ perMs: 0.1, burst: 10 }, () => 0);
    for (let n = 0; n < 100; n += 1) bucket.charge(5);
    expect(bucket.debtMs).toBe(110);
    expect(bucket.isDeepInDebt).toBe(false);
    for (let n = 0; n < 5; n += 1) bucket.take(1);
    bucket.charge(5);
    expect(bucket.isDeepInDebt).toBe(true);
    expect(bucket.debtMs).toBe(160);
  });

  it('admits an event larger than the burst if there is no debt', () => {
    let at = 0;
    const bucket = new DebtBucket({ perMs: 1, burst: 100 }, () => at);
    expect(bucket.take(150)).toBe(0);
    expect(bucket.take(1)).toBe(52);
    at = 52;
    expect(bucket.take(1)).toBe(0);
  });
});

import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { UNPROVED } from '../../src/chat/connect-queue.ts';
import type { Harness, Peer } from './suite.ts';

/** RATE_ADMIT over all workers. */
export function connectsContract(harness: () => Promise<Harness>): void {
  describe('connects', () => {
    let open: Harness | undefined;
    afterEach(async () => {
      await open?.close();
      open = undefined;
    });

    async function peers(rateAdmit: number): Promise<readonly [Peer, Peer]> {
      open = await harness();
      return [await open.open({ rateAdmit }), await open.open({ rateAdmit })];
    }

    async function enter(peer: Peer, key?: string): Promise<number> {
      const entered = await peer.connects.enter(key);
      if (!entered.ok) throw new Error(entered.error.message);
      return entered.value;
    }

    it('are not limited where the rate is 0', async () => {
      const [one] = await peers(0);
      for (let n = 0; n < 50; n += 1) expect(await enter(one, `user ${n}`)).toBe(0);
    });

    it('give each client over the rate a time of its own, whichever worker it asks', async () => {
      const both = await peers(1);
      const startedAt = performance.now();
      const waits = await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
          enter(both[n % 2] as Peer, n % 4 === 0 ? undefined : `user ${n}`),
        ),
      );
      const elapsedMs = performance.now() - startedAt;
      const sorted = waits.toSorted((a, b) => a - b);
      expect(sorted[0]).toBe(0);
      for (const [place, wait] of sorted.entries()) {
        expect(wait).toBeLessThanOrEqual(place * 1_000);
        expect(wait).toBeGreaterThanOrEqual(place * 1_000 - elapsedMs - 1_000);
      }
    });

    it('keep the time of a client that comes too early, however often', async () => {
      const [one, other] = await peers(1);
      await enter(one, 'first');
      const wait = await enter(one, 'ann');
      for (let n = 0; n < 20; n += 1) expect(await enter(other, 'ann')).toBeLessThanOrEqual(wait);
      expect(await enter(one, 'bob')).toBeLessThanOrEqual(2_000);
    });

    it('let a client in at its time, on any worker, also while others wait', async () => {
      const [one, other] = await peers(4);
      let wait = await enter(one, 'ann');
      for (let n = 0; wait === 0; n += 1) wait = await enter(one, `before ${n}`);
      const ann = await enter(one, 'late ann');
      for (let n = 0; n < 30; n += 1) await enter(one, `behind ${n}`);
      await untilDue(ann);
      expect(await enter(other, 'late ann')).toBe(0);
      expect(await enter(other, 'late ann')).toBeGreaterThan(0);
    });

    it('reserve no place beyond ten minutes, so that made-up ids cannot make the queue longer', async () => {
      const [one, other] = await peers(0.01);
      for (let n = 0; n < 8; n += 1) await enter(one, `made up ${n}`);
      for (let n = 0; n < 8; n += 1) expect(await enter(other, `later ${n}`)).toBe(600_000);
    });

    it('let made-up guests reserve no place beyond two minutes, which is the most that a user waits for them', async () => {
      const [one, other] = await peers(0.1);
      for (let n = 0; n < 30; n += 1) await enter(one, `${UNPROVED}made up ${n}`);
      expect(await enter(other, `${UNPROVED}later`)).toBe(120_000);
      // The place behind the last one.
      expect(await enter(other, 'ann')).toBeLessThanOrEqual(130_000);
    });

    it('let unknown clients share their places, one each', async () => {
      const [one, other] = await peers(2);
      let wait = 0;
      while (wait === 0) wait = await enter(one);
      await untilDue(wait);
      for (let n = 0; n < 20; n += 1) await enter(one, `behind ${n}`);
      expect(await enter(other)).toBe(0);
      expect(await enter(other)).toBeGreaterThan(0);
    });

    it('let clients that are expected in at once, each once, at nobody’s cost', async () => {
      const [one, other] = await peers(1);
      for (let n = 0; n < 10; n += 1) await enter(one, `queued ${n}`);
      const before = await enter(one, 'last');
      expect(await one.connects.expect(['ann', undefined, 'bob'])).toMatchObject({ ok: true });
      expect(await enter(other, 'ann')).toBe(0);
      expect(await enter(other, 'bob')).toBe(0);
      expect(await enter(other)).toBe(0);
      expect(await enter(other, 'ann')).toBeGreaterThan(0);
      expect(await enter(other, 'last')).toBeLessThanOrEqual(before);
    });
  });
}

/** A timer of Node may end up to a millisecond before its time, and a client that comes too early is sent away again. */
async function untilDue(waitMs: number): Promise<void> {
  const dueAt = performance.now() + waitMs;
  for (let leftMs = waitMs; leftMs > 0; leftMs = dueAt - performance.now()) await pause(Math.ceil(leftMs));
}

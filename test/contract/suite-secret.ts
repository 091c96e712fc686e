import { describe, expect, it } from 'vitest';
import { granted, twoPeers } from './peers.ts';
import type { Harness } from './suite.ts';

export function secretContract(harness: () => Promise<Harness>): void {
  describe('store', () => {
    it('keeps one secret for all workers, also over a restart', async () => {
      const { store, a, b } = await twoPeers(harness);
      const secrets = (await Promise.all([a.secret(), b.secret(), a.secret()])).map(granted);
      expect(new Set(secrets).size).toBe(1);
      expect(secrets[0]?.length).toBeGreaterThanOrEqual(32);
      await store.restart();
      expect(granted(await (await store.open()).secret())).toBe(secrets[0]);
    });

    it('makes another secret in another store', async () => {
      const [one, two] = [await twoPeers(harness), await twoPeers(harness)];
      expect(granted(await one.a.secret())).not.toBe(granted(await two.a.secret()));
    });

    it('answers its check', async () => {
      const { a, b } = await twoPeers(harness);
      expect([(await a.check()).ok, (await b.check()).ok]).toEqual([true, true]);
    });
  });
}

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { granted, range, twoPeers } from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

export function idempotencyContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('claims', () => {
    it('grant a key to one attempt, and to the next under the id of the first if that gave no answer', async () => {
      const { a, b } = await twoPeers(harness);
      const key = `/ app 1 ${randomUUID()}`;
      expect(granted(await a.idempotency.claim(key, 'print', 'try-1'))).toEqual({
        state: 'granted',
        id: 'try-1',
      });
      expect(granted(await b.idempotency.claim(key, 'print', 'try-2'))).toEqual({ state: 'running' });
      expect(granted(await b.idempotency.claim(key, 'another print', 'try-3'))).toEqual({
        state: 'mismatch',
      });
      expect(granted(await b.idempotency.claim(`${key} `, 'print', 'try-4'))).toEqual({
        state: 'granted',
        id: 'try-4',
      });
      granted(await a.idempotency.complete(key, 'try-1'));
      expect(granted(await b.idempotency.claim(key, 'print', 'try-5'))).toEqual({
        state: 'granted',
        id: 'try-1',
      });
      // That of a try whose lease was over ends no later one.
      granted(await a.idempotency.complete(key, 'try-1'));
      expect(granted(await a.idempotency.claim(key, 'print', 'try-6'))).toEqual({ state: 'running' });
    });

    it('keep the first answer, over a restart of the store', async () => {
      const { store, a, b } = await twoPeers(harness);
      const answer = JSON.stringify({ text: '“é” \u2028 }', __proto__: 1 });
      granted(await a.idempotency.claim('key', 'print', 'try-1'));
      granted(await a.idempotency.complete('key', 'try-1', answer));
      granted(await b.idempotency.complete('key', 'try-2', '"late"'));
      expect(granted(await b.idempotency.claim('key', 'print', 'try-3'))).toEqual({
        state: 'answered',
        answer,
      });
      granted(await a.idempotency.claim('unanswered', 'print', 'try-4'));
      await store.restart();
      const c = await store.open();
      expect(granted(await c.idempotency.claim('key', 'print', 'try-5'))).toEqual({
        state: 'answered',
        answer,
      });
      expect(granted(await c.idempotency.claim('key', 'other', 'try-5'))).toEqual({ state: 'mismatch' });
      granted(await c.idempotency.complete('unanswered', 'try-4'));
      const after = granted(await c.idempotency.claim('unanswered', 'print', 'try-6'));
      expect(after).toEqual({ state: 'granted', id: 'try-4' });
    });

    it('let one of many who claim a key at once be the first', async () => {
      const { a, b } = await twoPeers(harness);
      const claims = await Promise.all(
        range(1, 20).map((n) => (n % 2 ? a : b).idempotency.claim('__proto__', 'print', `try-${n}`)),
      );
      expect(claims.map(granted).filter(({ state }) => state === 'granted')).toHaveLength(1);
      expect(claims.map(granted).filter(({ state }) => state === 'running')).toHaveLength(19);
    });
  });
}

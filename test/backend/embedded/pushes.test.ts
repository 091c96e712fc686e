import { describe, expect, it } from 'vitest';
import { CLAIM_LEASE_MS } from '../../../src/chat/idempotency.ts';
import type { PushPositions } from '../../../src/chat/inbox-store.ts';
import { granted, range } from '../../contract/peers.ts';
import { RULES, storeForTest } from './store-for-test.ts';

const INBOX_TTL_MS = RULES.inboxTtlS * 1000;

describe('embedded pushes', () => {
  const placesOf = (...userIds: string[]): PushPositions => ({
    nsp: '/',
    positions: userIds.map((userId, index) => ({ userId, seq: index + 1, at: 5 })),
  });

  it('remember a claim for its TTL and no longer, and free its disk space', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    granted(await store.idempotency.claim('key', 'print', 'one'));
    clock.now += 1_000;
    granted(await store.idempotency.complete('key', 'one', '1'));
    const claim = async (id: string) => granted(await store.idempotency.claim('key', 'other', id));
    clock.now += RULES.dedupeTtlS * 1000 - 1;
    await store.cleanUp();
    expect(await claim('two')).toEqual({ state: 'mismatch' });
    clock.now += 1;
    expect(await claim('two')).toEqual({ state: 'granted', id: 'two' });
    // What was due of the first one takes the second one along neither now nor later.
    await store.cleanUp();
    clock.now += RULES.dedupeTtlS * 1000 - 1;
    await store.cleanUp();
    expect(await claim('three')).toEqual({ state: 'granted', id: 'two' });
    clock.now += 2;
    await store.cleanUp();
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });

  it('grant a claim again after its lease', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const claim = async (id: string) => granted(await store.idempotency.claim('key', 'print', id));
    await claim('one');
    clock.now += CLAIM_LEASE_MS - 1;
    expect(await claim('two')).toEqual({ state: 'running' });
    clock.now += 1;
    expect(await claim('two')).toEqual({ state: 'granted', id: 'one' });
  });

  it('keep positions for as long as inboxes, counted from their last write', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    granted(await store.pushes.save('push', placesOf('ann', '__proto__')));
    clock.now += INBOX_TTL_MS - 1;
    granted(await store.pushes.save('push', placesOf('ann', '__proto__', 'bob')));
    clock.now += INBOX_TTL_MS - 1;
    await store.cleanUp();
    const found = granted(await store.pushes.find('push'));
    expect(found?.positions.map(({ userId }) => userId)).toEqual(['ann', '__proto__', 'bob']);
    clock.now += 1;
    expect(granted(await store.pushes.find('push'))).toBeUndefined();
    granted(await store.pushes.save('push', placesOf('carol')));
    expect(granted(await store.pushes.find('push'))).toEqual(placesOf('carol'));
    clock.now += INBOX_TTL_MS + 1;
    await store.cleanUp();
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });

  it('are cleaned up however many expire at once', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    const claimed = range(1, 180).map((n) => store.idempotency.claim(`key ${n}`, 'print', `${n}`));
    for (const outcome of await Promise.all(claimed)) granted(outcome);
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 1_000)).toHaveLength(180);
    clock.now += RULES.dedupeTtlS * 1000 + 1;
    await store.cleanUp();
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 1_000)).toEqual([]);
  });

  it('have keys and ids of any length', async () => {
    const { open } = await storeForTest();
    const store = open();
    const long = 'é'.repeat(100_000);
    granted(await store.idempotency.claim(long, 'print', 'one'));
    expect(granted(await store.idempotency.claim(long, 'print', 'two'))).toEqual({ state: 'running' });
    expect(granted(await store.idempotency.claim(`${long}e`, 'print', 'two'))).toEqual({
      state: 'granted',
      id: 'two',
    });
    granted(await store.pushes.save(long, placesOf('ann')));
    expect(granted(await store.pushes.find(long))).toEqual(placesOf('ann'));
    expect(granted(await store.pushes.find(`${long}e`))).toBeUndefined();
  });
});

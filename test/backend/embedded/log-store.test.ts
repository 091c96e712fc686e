import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { earlierHash } from '../../../src/backend/embedded/dedupe-keys.ts';
import type { DedupeKey } from '../../../src/backend/embedded/rows.ts';
import type { Store } from '../../../src/backend/embedded/store.ts';
import type { Tables } from '../../../src/backend/embedded/tables.ts';
import type { Room } from '../../../src/chat/room.ts';
import { draftOf, granted, newRoom, range, seqsOf, textsOf } from '../../contract/peers.ts';
import { RULES, storeForTest } from './store-for-test.ts';

const DAY_MS = 86_400_000;

async function say(store: Store, room: Room, text: string, clientMsgId?: string) {
  const more = clientMsgId === undefined ? {} : { dedupe: { scope: 'ann', clientMsgId } };
  return granted(await store.logs.append(room, draftOf(room, text, more)));
}

async function latest(store: Store, room: Room) {
  return granted(await store.logs.read(room, { limit: 1_000, maxBytes: 1_000_000 }));
}

function claimKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

function entriesOnDisk(tables: Tables, room: Room): number[] {
  return tables.readSnapshot((snapshot) => seqsOf([...snapshot.entries(room.tag, 1, 1_000_000)]));
}

describe('embedded log', () => {
  it('begins a new epoch in each run, with the first read or append, and lists the last 8', async () => {
    const { open } = await storeForTest();
    const room = newRoom();
    const first = await say(open(), room, '1');
    const epochs = [first.epoch];
    for (const run of range(2, 12)) {
      const store = open();
      const before = await latest(store, room);
      expect(before).toMatchObject({ top: run - 1, first: 1 });
      expect(before.previousEpochs.at(-1)).toEqual({ epoch: epochs.at(-1), upTo: run - 1 });
      const said = await say(store, room, `${run}`);
      expect(said).toMatchObject({ seq: run, epoch: before.epoch });
      expect(epochs).not.toContain(said.epoch);
      epochs.push(said.epoch);
    }
    const { previousEpochs: links } = await latest(open(), room);
    expect(links.map((link) => link.epoch)).toEqual(epochs.slice(-8));
    expect(links.map((link) => link.upTo)).toEqual(range(5, 12));
  });

  it('finds records that an earlier release has written after this one', async () => {
    const { open, tables } = await storeForTest();
    const room = newRoom();
    const first = await say(open(), room, '1', 'm-1');
    // The earlier release names the record by another hash.
    const name = earlierHash({ scope: 'ann', clientMsgId: 'm-1' });
    const [row] = tables.rowsAfter('dedupe', undefined, 10);
    if (!row) throw new Error('no record');
    const [period, tag] = row.key;
    await tables.commit([
      { table: 'dedupe', key: row.key },
      { table: 'dedupe', key: [period, tag, name], value: row.value },
    ]);
    expect(await say(open(), room, '1', 'm-1')).toEqual({ ...first, dup: true });
  });

  it('shows nothing once the last message is too old, keeps counting, and frees the disk at the cleanup', async () => {
    const { open, tables, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    const { epoch } = await say(store, room, '1');
    clock.now += DAY_MS - 1_000;
    await say(store, room, '2');
    clock.now += DAY_MS;
    expect(textsOf((await latest(store, room)).entries)).toEqual(['1', '2']);
    clock.now += 1;
    expect(await latest(store, room)).toMatchObject({ entries: [], top: 2, first: 3, more: false, epoch });
    expect(entriesOnDisk(tables, room)).toEqual([1, 2]);
    await store.cleanUp();
    expect(entriesOnDisk(tables, room)).toEqual([]);
    expect(await say(store, room, '3')).toMatchObject({ seq: 3, epoch });
    expect(textsOf((await latest(store, room)).entries)).toEqual(['3']);
  });

  it('does not bring expired messages back with the next one', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    await say(store, room, 'old');
    clock.now += DAY_MS + 1;
    await say(store, room, 'new');
    expect(await latest(store, room)).toMatchObject({ first: 2, top: 2, more: false });
    expect(textsOf((await latest(store, room)).entries)).toEqual(['new']);
  });

  it('removes a log that became too large for the settings in portions, and shows none of it meanwhile', async () => {
    const { open, tables } = await storeForTest();
    const room = newRoom();
    const large = open({ rules: { ...RULES, historySize: 10_000 } });
    await Promise.all(range(1, 2_500).map((n) => say(large, room, `${n}`)));
    const small = open({ rules: { ...RULES, historySize: 10 } });
    await say(small, room, 'last');
    expect(await latest(small, room)).toMatchObject({ top: 2_501, first: 2_492 });
    expect(entriesOnDisk(tables, room).length).toBeGreaterThan(1_000);
    for (const _ of range(1, 3)) await small.cleanUp();
    expect(entriesOnDisk(tables, room)).toEqual(range(2_492, 2_501));
  });

  it('forgets a room without messages after a long time without readers, and no other', async () => {
    const { open, tables, clock } = await storeForTest();
    const store = open();
    const [silent, spoken] = [newRoom(), newRoom()];
    const { epoch } = await latest(store, silent);
    await say(store, spoken, 'x');
    await store.cleanUp();
    expect((await latest(store, silent)).epoch).toBe(epoch);
    clock.now += DAY_MS + 1;
    await store.cleanUp();
    expect(
      tables.readSnapshot((snapshot) => [
        snapshot.row('logMeta', silent.tag),
        snapshot.row('logMeta', spoken.tag)?.top,
      ]),
    ).toEqual([undefined, 1]);
  });

  it('remembers a clientMsgId for the TTL at least, over period ends, and forgets it after two periods', async () => {
    const { open, tables, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    for (const offsetS of [0, 1, 299, 599]) {
      clock.now = 1_800_000_000_000 + offsetS * 1_000;
      const id = `m${offsetS}`;
      const { seq } = await say(store, room, 'once', id);
      clock.now += 600_000;
      await store.cleanUp();
      expect(await say(store, room, 'once', id)).toMatchObject({ seq, dup: true });
      clock.now += 600_001;
      await store.cleanUp();
      expect((await say(store, room, 'once', id)).dup).toBe(false);
    }
    clock.now += 1_200_001;
    await store.cleanUp();
    expect(tables.dedupeKeysOutside(0, -1, 10)).toEqual([]);
  });

  it('finds a clientMsgId that an earlier release has stored, until its time is over', async () => {
    const { open, tables, clock } = await storeForTest();
    const room = newRoom();
    const digest = createHash('sha256').update('["ann","m-1"]').digest('base64url');
    const period = Math.floor(clock.now / (RULES.dedupeTtlS * 1_000));
    const key: DedupeKey = [period, room.tag, digest.slice(0, 22)];
    const value = { epoch: 'E', seq: 7, id: 'i', at: clock.now };
    await tables.commit([{ table: 'dedupe', key, value }]);
    let store = open();
    expect(await say(store, room, 'once', 'm-1')).toEqual({ ...value, dup: true });
    await store.close();
    store = open();
    expect(await say(store, room, 'once', 'm-1')).toEqual({ ...value, dup: true });
    clock.now += 3 * RULES.dedupeTtlS * 1_000;
    expect(await say(store, room, 'once', 'm-1')).toMatchObject({ seq: 1, dup: false });
  });

  it.each([15_000, -15_000, 3_600_000, -3_600_000])(
    'remembers a clientMsgId for its time, and no longer, when the clock is set by %d ms, over a restart too',
    async (stepMs) => {
      const { open, tables, clock } = await storeForTest();
      const store = open();
      const room = newRoom();
      const first = await say(store, room, 'once', 'm-1');
      clock.stepMs = stepMs;
      await store.cleanUp();
      expect(await say(store, room, 'once', 'm-1')).toEqual({ ...first, dup: true });
      if (stepMs < 0) {
        await store.close();
        const reopened = open();
        await reopened.cleanUp();
        expect(await say(reopened, room, 'once', 'm-1')).toEqual({ ...first, dup: true });
      } else {
        clock.now += 1_200_001;
        await store.cleanUp();
        expect(tables.newestDedupePeriod()).toBe(undefined);
        expect((await say(store, room, 'once', 'm-1')).dup).toBe(false);
      }
    },
  );

  it.each([
    [600, 86_400],
    [86_400, 600],
    [600, 601],
  ])(
    'forgets claims and clientMsgIds in their time when DEDUPE_TTL_S becomes %d and then %d',
    async (before, after) => {
      const { open, tables, clock } = await storeForTest();
      const room = newRoom();
      // The first is what a store leaves whose tables say nothing of the TTL yet.
      for (const [tries, dedupeTtlS] of [before, after, before, after].entries()) {
        const store = open({ rules: { ...RULES, dedupeTtlS } });
        // Twice: also where the answers of the other TTL are not tidied away yet.
        for (const time of ['one', 'two']) {
          const id = `${tries} ${time}`;
          const first = await say(store, room, 'once', id);
          expect(await say(store, room, 'once', id)).toEqual({ ...first, dup: true });
          granted(await store.idempotency.claim(id, 'print', id));
          expect(tables.row('claims', claimKey(id))?.until).toBe(clock.now + dedupeTtlS * 1_000);
          if (tries % 2 === 1) await store.cleanUp();
        }
        await store.close();
        clock.now += 1_000;
      }
      clock.now += 2 * 86_400_000;
      await open({ rules: { ...RULES, dedupeTtlS: after } }).cleanUp();
      expect(tables.newestDedupePeriod()).toBe(undefined);
      expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    },
  );

  it('counts from the newest answer again once all are of one TTL', async () => {
    const { open, clock } = await storeForTest();
    const room = newRoom();
    for (const dedupeTtlS of [600, 86_400]) {
      const store = open({ rules: { ...RULES, dedupeTtlS } });
      await say(store, room, 'once', `${dedupeTtlS}`);
      await store.cleanUp();
      await store.close();
    }
    clock.stepMs = -3 * 86_400_000;
    const store = open({ rules: { ...RULES, dedupeTtlS: 86_400 } });
    expect((await say(store, room, 'once', '86400')).dup).toBe(true);
  });

  it.each([-3_600_000, 3_600_000])(
    'cleans up claims by one clock and pushes by the other, if one is set by %d ms',
    async (stepMs) => {
      const { open, tables, clock } = await storeForTest();
      const store = open({ rules: { ...RULES, inboxTtlS: RULES.dedupeTtlS } });
      const keep = async (n: number) => {
        granted(await store.idempotency.claim(`${n}`, 'print', 'id'));
        granted(await store.pushes.save(`${n}`, { nsp: '/', positions: [] }));
      };
      for (const n of range(1, 120)) await keep(n);
      clock.now += RULES.dedupeTtlS * 1_000 - 5_000;
      clock.stepMs = stepMs;
      const left = () => tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 1_000).map(([, table]) => table);
      await store.cleanUp();
      expect(new Set(left())).toEqual(new Set(stepMs > 0 ? ['claims'] : ['claims', 'pushes']));
      clock.now += 5_001;
      await store.cleanUp();
      expect(left()).toEqual(stepMs > 0 ? [] : Array(120).fill('pushes'));
      clock.stepMs = 0;
      await store.cleanUp();
      expect(left()).toEqual([]);
    },
  );

  it('remembers a clientMsgId, and dates no message back, when the clock is set back', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    clock.now = 1_800_000_000_000;
    const first = await say(store, room, 'once', 'm-1');
    clock.stepMs = -5_000;
    expect(await say(store, room, 'once', 'm-1')).toEqual({ ...first, dup: true });
    expect((await say(store, room, 'next')).at).toBe(first.at);
  });

  it('answers and publishes nothing before the commit, and publishes before it answers', async () => {
    const { open, tables, published } = await storeForTest();
    const happened: string[] = [];
    let finish = () => {};
    const store = open({
      tables: {
        ...tables,
        async commit(writes) {
          await new Promise<void>((resolve) => {
            finish = resolve;
            happened.push('committing');
          });
          await tables.commit(writes);
          happened.push('committed');
        },
      },
      publish: (all) => {
        happened.push('published');
        published.push(...all.map(({ entry }) => entry.seq));
      },
    });
    const answered = say(store, newRoom(), 'x').then(() => happened.push('answered'));
    await expect.poll(() => happened).toEqual(['committing']);
    finish();
    await answered;
    expect(happened).toEqual(['committing', 'committed', 'published', 'answered']);
    expect(published).toEqual([1]);
  });

  it('refuses the appends of a failed commit, publishes none of them, and reuses their numbers', async () => {
    const { open, tables, published } = await storeForTest();
    let broken = false;
    const store = open({
      tables: {
        ...tables,
        commit: (writes) => (broken ? Promise.reject(new Error('disk full')) : tables.commit(writes)),
      },
    });
    const room = newRoom();
    await say(store, room, '1');
    broken = true;
    const failed = await Promise.all(range(2, 4).map((n) => store.logs.append(room, draftOf(room, `${n}`))));
    for (const outcome of failed) {
      expect(outcome).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
      expect(outcome.ok || outcome.error.retryAfterMs).toBeGreaterThan(0);
    }
    expect((await store.check()).ok).toBe(false);
    expect(await store.logs.read(newRoom(), { limit: 1, maxBytes: 1 })).toMatchObject({ ok: false });
    expect(textsOf((await latest(store, room)).entries)).toEqual(['1']);
    broken = false;
    expect((await store.check()).ok).toBe(true);
    expect(await say(store, room, 'two')).toMatchObject({ seq: 2, dup: false });
    expect(published).toEqual([1, 2]);
  });

  it('stops writing before the disk is full, keeps reading, and goes on when there is room again', async () => {
    const { open, tables, disk } = await storeForTest();
    const store = open();
    const room = newRoom();
    await say(store, room, '1');
    disk.free -= 1;
    expect(await store.logs.append(room, draftOf(room, 'x'))).toMatchObject({
      error: { code: 'unavailable' },
    });
    expect((await store.check()).ok).toBe(false);
    expect(() => tables.compareAndSetFact('any', undefined, 1)).toThrow('less than 64 MiB');
    expect(textsOf((await latest(store, room)).entries)).toEqual(['1']);
    disk.free += 1;
    expect((await store.check()).ok).toBe(true);
    expect(await say(store, room, '2')).toMatchObject({ seq: 2 });
  });

  it('accepts a bounded number of messages while the disk does not answer, and refuses the rest at once', async () => {
    const { open, tables } = await storeForTest();
    let finish = () => {};
    const blocked = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const store = open({ tables: { ...tables, commit: () => blocked } });
    const room = newRoom();
    const refused: unknown[] = [];
    const all = range(1, 12_000).map(async (n) => {
      const outcome = await store.logs.append(room, draftOf(room, `${n}`));
      if (!outcome.ok) refused.push(outcome.error);
    });
    await expect.poll(() => refused.length).toBeGreaterThan(900);
    expect(refused[0]).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) });
    finish();
    await Promise.all(all);
    expect(refused.length).toBeLessThan(2_100);
  });

  it('finishes the accepted appends before it closes, and accepts none afterwards', async () => {
    const { open, tables } = await storeForTest();
    const store = open();
    const room = newRoom();
    const appended = range(1, 50).map((n) => store.logs.append(room, draftOf(room, `${n}`)));
    await store.close();
    expect((await Promise.all(appended)).every((outcome) => outcome.ok)).toBe(true);
    expect(entriesOnDisk(tables, room)).toEqual(range(1, 50));
    expect(await store.logs.append(room, draftOf(room, 'late'))).toMatchObject({
      error: { code: 'unavailable' },
    });
    expect(await store.logs.read(room, { limit: 1, maxBytes: 1 })).toMatchObject({
      error: { code: 'unavailable' },
    });
  });
});

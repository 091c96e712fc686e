import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/backend/embedded/store.ts';
import type { Tables } from '../../../src/backend/embedded/tables.ts';
import type { Draft } from '../../../src/chat/log-store.ts';
import type { Room } from '../../../src/chat/room.ts';
import { draftOf, granted, newRoom, range, saidIn, textsOf } from '../../contract/peers.ts';
import { RULES, storeForTest } from './store-for-test.ts';

const MUTED = { ok: false, error: { code: 'forbidden', message: 'roomid: muted in this room' } };
const BANNED = { ok: false, error: { code: 'forbidden', message: 'roomid: banned from this room' } };

function draftBy(author: string, room: Room, text: string, more: Pick<Draft, 'dedupe'> = {}): Draft {
  return { ...draftOf(room, text, more), author };
}

function membersOf(text: string): string {
  return `"event":"broadcast_say","data":{"text":${JSON.stringify(text)}}`;
}

async function latest(store: Store, room: Room) {
  return granted(await store.logs.read(room, { limit: 1_000, maxBytes: 1_000_000 }));
}

/** The same tables, whose commits can be made to fail. */
function breakable(tables: Tables): { tables: Tables; broken: (value: boolean) => void } {
  let failing = false;
  const commit: Tables['commit'] = (writes) =>
    failing ? Promise.reject(new Error('disk full')) : tables.commit(writes);
  return {
    tables: { ...tables, commit },
    broken: (value) => {
      failing = value;
    },
  };
}

describe('embedded moderation', () => {
  it('applies to messages appended after it, even if neither call is awaited', async () => {
    const { open } = await storeForTest();
    const store = open();
    const room = newRoom();
    const outcomes = await Promise.all([
      store.logs.append(room, draftBy('ann', room, '1')),
      store.moderation.restrict(room, 'ann', 'mute'),
      store.logs.append(room, draftBy('ann', room, '2')),
      store.logs.append(room, draftBy('bob', room, '3')),
      store.moderation.restrict(room, 'ann', 'ban', 5),
      store.logs.append(room, draftBy('ann', room, '4')),
      store.moderation.lift(room, 'ann', 'ban'),
      store.moderation.lift(room, 'ann', 'mute'),
      store.moderation.lift(room, 'ann', 'mute'),
      store.logs.append(room, draftBy('ann', room, '5')),
    ] as const);
    expect(outcomes[2]).toEqual({ ok: false, error: { ...MUTED.error, temporary: false } });
    expect(outcomes[5]).toMatchObject({ ok: false, error: { ...BANNED.error, retryAfterMs: 5_000 } });
    expect(outcomes.slice(6, 9)).toMatchObject([{ value: true }, { value: true }, { value: false }]);
    expect(textsOf((await latest(store, room)).entries)).toEqual(['1', '3', '5']);
  });

  it('answers a known clientMsgId even if its sender is banned by now', async () => {
    const { open } = await storeForTest();
    const store = open();
    const room = newRoom();
    const dedupe = { scope: 'ann', clientMsgId: 'm-1' };
    const first = granted(await store.logs.append(room, draftBy('ann', room, '1', { dedupe })));
    granted(await store.moderation.restrict(room, 'ann', 'ban'));
    const again = await store.logs.append(room, draftBy('ann', room, '1', { dedupe }));
    expect(granted(again)).toEqual({ ...first, dup: true });
    const other = { dedupe: { ...dedupe, clientMsgId: 'm-2' } };
    expect(await store.logs.append(room, draftBy('ann', room, '2', other))).toMatchObject(BANNED);
    granted(await store.moderation.lift(room, 'ann', 'ban'));
    expect(granted(await store.logs.append(room, draftBy('ann', room, '2', other))).dup).toBe(false);
  });

  it('copies no announcement in while its author is muted there', async () => {
    const { open } = await storeForTest();
    const store = open();
    const room = newRoom();
    granted(await store.moderation.restrict(room, 'ann', 'mute'));
    const news = { was: undefined, becomes: { epoch: 'news', seq: 1 } };
    expect(await store.inboxes.appendAnnouncement(room, draftBy('ann', room, 'x'), news)).toMatchObject(
      MUTED,
    );
    expect(granted(await store.inboxes.markers(room))).toEqual({ recv: 0, read: 0 });
    expect(granted(await store.inboxes.appendAnnouncement(room, draftOf(room, 'x'), news))).toBe(true);
  });

  it('ends to the millisecond, by itself, and gives back the disk', async () => {
    const { open, tables, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    const all = async (userId: string) => granted(await store.moderation.restrictions(room, userId));
    const until = clock.now + 60_000;
    expect(granted(await store.moderation.restrict(room, 'ann', 'ban', 60))).toEqual({ until });
    expect(granted(await store.moderation.restrict(room, 'ann', 'mute', 90))).toEqual({
      until: until + 30_000,
    });
    expect(granted(await store.moderation.restrict(room, 'bob', 'ban'))).toEqual({});
    clock.now = until - 1;
    await store.cleanUp();
    expect(await all('ann')).toEqual({ ban: { until }, mute: { until: until + 30_000 } });
    expect(store.moderation.admit(room, 'ann')).toMatchObject({
      error: { ...BANNED.error, retryAfterMs: 1 },
    });
    clock.now = until;
    expect(store.moderation.admit(room, 'ann').ok).toBe(true);
    expect(await all('ann')).toEqual({ mute: { until: until + 30_000 } });
    await store.cleanUp();
    expect(await all('ann')).toEqual({ mute: { until: until + 30_000 } });
    clock.now = until + 30_001;
    expect(granted(await store.moderation.lift(room, 'ann', 'mute'))).toBe(false);
    await store.cleanUp();
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect(await all('bob')).toEqual({ ban: {} });
    expect(store.moderation.admit(room, 'bob')).toMatchObject(BANNED);
    expect(store.moderation.admit(newRoom(), 'bob').ok).toBe(true);
  });

  it('is not ended by the expiry of the one that it replaced', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    for (const seconds of [60, undefined]) {
      granted(await store.moderation.restrict(room, 'ann', 'ban', 10));
      granted(await store.moderation.restrict(room, 'ann', 'ban', seconds));
      clock.now += 10_001;
      await store.cleanUp();
      expect(store.moderation.admit(room, 'ann')).toMatchObject(BANNED);
    }
  });

  it('is durable, of user ids of any length, and not changed by a commit that failed', async () => {
    const { open, tables } = await storeForTest();
    const { broken, ...failing } = breakable(tables);
    const room = newRoom();
    const long = 'é'.repeat(100_000);
    const first = open(failing);
    granted(await first.moderation.restrict(room, long, 'ban'));
    broken(true);
    for (const failed of await Promise.all([
      first.moderation.restrict(room, 'ann', 'ban'),
      first.moderation.lift(room, long, 'ban'),
    ])) {
      expect(failed).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    }
    broken(false);
    for (const store of [first, open()]) {
      expect(store.moderation.admit(room, 'ann').ok).toBe(true);
      expect(store.moderation.admit(room, long)).toMatchObject(BANNED);
      expect(store.moderation.admit(room, `${long}e`).ok).toBe(true);
    }
  });

  it('refuses everything once closed', async () => {
    const { open } = await storeForTest();
    const store = open();
    const room = newRoom();
    await store.close();
    for (const outcome of [
      await store.moderation.restrict(room, 'ann', 'ban'),
      await store.moderation.lift(room, 'ann', 'ban'),
      await store.moderation.restrictions(room, 'ann'),
      store.moderation.admit(room, 'ann'),
      await store.logs.replace(room, 1, membersOf('x')),
      await store.inboxes.erase(room),
      await store.roomSubscriptions.set(room, 'x', true),
      await store.roomSubscriptions.raiseReadMarker(room, 'x', 1),
      await store.roomSubscriptions.list(room),
    ]) {
      expect(outcome).toMatchObject({ ok: false, error: { code: 'unavailable', retryAfterMs: 1_000 } });
    }
  });
});

describe('embedded log, replaced', () => {
  it('has the new members behind the old place, in this run and in the next', async () => {
    const { open, clock, published } = await storeForTest();
    const store = open();
    const room = newRoom();
    const id = 'a "quoted\\" id, "at":1,';
    for (const text of ['1', '2']) granted(await store.logs.append(room, { ...draftOf(room, text), id }));
    const [before] = (await latest(store, room)).entries;
    clock.now += 60_000;
    const next = open();
    expect(granted(await next.logs.replace(room, 1, membersOf('gone')))).toEqual({});
    expect(published).toEqual([1, 2]);
    for (const reader of [next, open()]) {
      const [after, second] = (await latest(reader, room)).entries;
      const { seq, epoch, at } = saidIn(before as never);
      expect(saidIn(after as never)).toEqual({
        ...{ seq, epoch, id, at },
        event: 'broadcast_say',
        data: { text: 'gone' },
      });
      expect(after?.epoch).toBe(epoch);
      expect(saidIn(second as never).data.text).toBe('2');
    }
    expect(granted(await next.logs.append(room, draftOf(room, '3'))).seq).toBe(3);
  });

  it('sees what is appended and replaced in the same commit', async () => {
    const { open } = await storeForTest();
    const store = open();
    const room = newRoom();
    const outcomes = await Promise.all([
      store.logs.replace(room, 1, membersOf('too early')),
      store.logs.append(room, { ...draftOf(room, 'said'), except: 'socket' }),
      store.logs.replace(room, 1, membersOf('replaced')),
      store.logs.replace(room, 1, membersOf('replaced again')),
      store.logs.replace(room, 1.5, membersOf('between')),
      store.logs.append(room, draftOf(room, 'next')),
    ] as const);
    expect(outcomes.map((outcome) => granted<unknown>(outcome))).toMatchObject([
      undefined,
      { seq: 1 },
      {},
      {},
      undefined,
      { seq: 2 },
    ]);
    const { entries } = await latest(store, room);
    expect(textsOf(entries)).toEqual(['replaced again', 'next']);
    expect(entries[0]?.except).toBe('socket');
  });

  it('refuses what the log does not hold any more, or never did', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const room = newRoom();
    const replace = async (seq: number) =>
      granted(await store.logs.replace(room, seq, membersOf('x'))) !== undefined;
    expect(await replace(1)).toBe(false);
    for (const n of range(1, 300)) granted(await store.logs.append(room, draftOf(room, `${n}`)));
    const { first } = await latest(store, room);
    expect(first).toBeGreaterThan(1);
    expect(await Promise.all([0, -1, 1, first - 1, first + 0.5, first, 300, 301].map(replace))).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      false,
    ]);
    clock.now += RULES.historyTtlS * 1000 + 1;
    expect(await replace(300)).toBe(false);
    expect((await latest(store, room)).entries).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/backend/embedded/store.ts';
import type { Tables } from '../../../src/backend/embedded/tables.ts';
import { NO_EPOCH } from '../../../src/chat/log-store.ts';
import { inboxOf, type Room } from '../../../src/chat/room.ts';
import { draftOf, granted, range, seqsOf, textsOf } from '../../contract/peers.ts';
import { RULES, storeForTest } from './store-for-test.ts';

const TTL_MS = RULES.inboxTtlS * 1000;

function newInbox(): Room {
  return inboxOf('/', randomUUID());
}

async function put(store: Store, inbox: Room, text: string, clientMsgId?: string) {
  const more = clientMsgId === undefined ? {} : { dedupe: { scope: 'ann', clientMsgId } };
  return granted(await store.logs.append(inbox, draftOf(inbox, text, more)));
}

async function latest(store: Store, inbox: Room) {
  return granted(await store.logs.read(inbox, { limit: 10_000, maxBytes: 10_000_000 }));
}

function onDisk(tables: Tables, inbox: Room): number[] {
  return tables.readSnapshot((snapshot) => seqsOf([...snapshot.entries(inbox.tag, 1, 1_000_000)]));
}

/** The same tables, counting what is committed. */
function counted(tables: Tables): { tables: Tables; commits: () => number } {
  let commits = 0;
  const commit: Tables['commit'] = (writes) => {
    commits += 1;
    return tables.commit(writes);
  };
  return { tables: { ...tables, commit }, commits: () => commits };
}

describe('embedded inbox, erased', () => {
  it('becomes empty in one commit and begins a new epoch with its next item', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup.tables);
    const store = setup.open({ tables });
    const [inbox, other] = [newInbox(), newInbox()];
    for (const one of [inbox, other]) {
      for (const n of range(1, 3)) await put(store, one, `${n}`, `m-${n}`);
      granted(await store.inboxes.raise(one, { sent: 3, read: 2 }));
      const becomes = { epoch: 'news', seq: 1 };
      granted(await store.inboxes.appendAnnouncement(one, draftOf(one, 'news'), { was: undefined, becomes }));
      granted(await store.roomSubscriptions.set(one, 'room', true));
    }
    const { epoch } = await latest(store, inbox);
    const before = commits();
    granted(await store.inboxes.erase(inbox));
    expect(commits()).toBe(before + 1);
    expect(await latest(store, inbox)).toMatchObject({
      epoch: NO_EPOCH,
      top: 0,
      previousEpochs: [],
      entries: [],
    });
    expect(granted(await store.logs.tops([inbox]))).toEqual([{ top: 0 }]);
    expect(granted(await store.inboxes.markers(inbox))).toEqual({ recv: 0, read: 0 });
    expect(granted(await store.inboxes.progress([{ inbox, seq: 1 }]))).toEqual([{}]);
    expect(granted(await store.roomSubscriptions.list(inbox))).toEqual([]);
    expect(onDisk(tables, inbox)).toEqual([]);
    expect(tables.dedupeKeysOutside(0, -1, 10).map(([, tag]) => tag)).toEqual([
      other.tag,
      other.tag,
      other.tag,
    ]);

    const first = await put(store, inbox, 'new', 'm-1');
    expect(first).toMatchObject({ seq: 1, dup: false });
    expect(first.epoch).not.toBe(epoch);
    expect(await latest(store, inbox)).toMatchObject({
      epoch: first.epoch,
      previousEpochs: [],
      top: 1,
      first: 1,
    });
    expect(textsOf((await latest(store, other)).entries)).toEqual(['1', '2', '3', 'news']);
    expect(granted(await store.inboxes.markers(other))).toMatchObject({ recv: 2, read: 2 });
    expect(await put(store, other, '1', 'm-1')).toMatchObject({ seq: 1, dup: true });
  });

  it('drops items added by the same commit and keeps later ones', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup.tables);
    const store = setup.open({ tables });
    const inbox = newInbox();
    await put(store, inbox, 'long ago');
    const before = commits();
    const outcomes = await Promise.all([
      put(store, inbox, 'old', 'm-1'),
      store.inboxes.raise(inbox, { read: 2 }),
      store.roomSubscriptions.set(inbox, 'old', true),
      store.inboxes.erase(inbox),
      put(store, inbox, 'new', 'm-1'),
      store.inboxes.raise(inbox, { recv: 9 }),
      store.roomSubscriptions.set(inbox, 'new', true),
    ] as const);
    expect(commits()).toBe(before + 1);
    expect(outcomes[4]).toMatchObject({ seq: 1, dup: false });
    expect(textsOf((await latest(store, inbox)).entries)).toEqual(['new']);
    expect(granted(await store.inboxes.markers(inbox))).toEqual({ recv: 1, read: 0 });
    expect(granted(await store.roomSubscriptions.list(inbox))).toEqual([{ roomid: 'new', read: 0 }]);
    expect(onDisk(tables, inbox)).toEqual([1]);
    expect(await put(store, inbox, 'new', 'm-1')).toMatchObject({ seq: 1, dup: true });
  });

  it('is hidden at once, removed in portions, and its numbers are free meanwhile', async () => {
    const { open, tables } = await storeForTest();
    const store = open({ rules: { ...RULES, inboxSize: 10_000 } });
    const inbox = newInbox();
    const fill = async (word: string, count: number) => {
      await Promise.all(range(1, count).map((n) => put(store, inbox, `${word} ${n}`)));
    };
    await fill('old', 3_500);
    granted(await store.inboxes.erase(inbox));
    expect((await latest(store, inbox)).entries).toEqual([]);
    expect(onDisk(tables, inbox)).toHaveLength(2_500);
    await fill('new', 300);
    expect(textsOf((await latest(store, inbox)).entries)).toEqual(range(1, 300).map((n) => `new ${n}`));
    // Erased again while the first is not removed: in the next run as well.
    granted(await store.inboxes.erase(inbox));
    await fill('newest', 20);
    const next = open();
    await next.cleanUp();
    expect(onDisk(tables, inbox)).toEqual(range(1, 20));
    expect(textsOf((await latest(next, inbox)).entries)).toEqual(range(1, 20).map((n) => `newest ${n}`));
    expect(tables.erased(10)).toEqual([]);
  });

  it('that never existed stays unknown', async () => {
    const { open, tables } = await storeForTest();
    const store = open();
    const inbox = newInbox();
    for (const _ of [1, 2]) granted(await store.inboxes.erase(inbox));
    expect(tables.row('logMeta', inbox.tag)).toBeUndefined();
    expect(tables.erased(10)).toEqual([]);
  });
});

describe('embedded room subscriptions', () => {
  it('are not committed if nothing changes', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup.tables);
    const store = setup.open({ tables });
    const inbox = newInbox();
    granted(await store.roomSubscriptions.set(inbox, 'never joined', false));
    expect(granted(await store.roomSubscriptions.raiseReadMarker(inbox, 'never read', 0))).toBe(0);
    expect(commits()).toBe(0);
    granted(await store.roomSubscriptions.set(inbox, 'one', true));
    granted(await store.roomSubscriptions.raiseReadMarker(inbox, 'one', 5));
    const before = commits();
    setup.clock.now += 60_000;
    granted(await store.roomSubscriptions.set(inbox, 'one', true));
    granted(await store.roomSubscriptions.set(inbox, 'two', false));
    expect(granted(await store.roomSubscriptions.raiseReadMarker(inbox, 'one', 5))).toBe(5);
    expect(commits()).toBe(before);
  });

  it('of an empty inbox are kept for the retention time after their last update, and no longer', async () => {
    const { open, tables, clock } = await storeForTest();
    const store = open();
    const [inbox, left] = [newInbox(), newInbox()];
    const visited = async () => granted(await store.roomSubscriptions.list(inbox));
    granted(await store.roomSubscriptions.set(left, 'one', true));
    granted(await store.roomSubscriptions.set(left, 'one', false));
    expect(tables.row('roomSubscriptions', left.tag)).toBeUndefined();
    granted(await store.roomSubscriptions.set(inbox, 'one', true));
    for (const _ of range(1, 3)) {
      clock.now += TTL_MS - 1;
      await store.cleanUp();
      granted(await store.roomSubscriptions.set(inbox, 'one', true));
    }
    clock.now += TTL_MS - 1;
    await store.cleanUp();
    expect(await visited()).toHaveLength(1);
    clock.now += 1;
    expect(await visited()).toEqual([]);
    clock.now += 1;
    await store.cleanUp();
    expect(tables.row('roomSubscriptions', inbox.tag)).toBeUndefined();
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });

  it('of an inbox with items are kept as long as its numbers', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    const inbox = newInbox();
    granted(await store.roomSubscriptions.set(inbox, 'one', true));
    await put(store, inbox, 'item');
    clock.now += 3 * TTL_MS;
    await store.cleanUp();
    expect(granted(await store.roomSubscriptions.list(inbox))).toHaveLength(1);
    expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    granted(await store.inboxes.erase(inbox));
    granted(await store.roomSubscriptions.set(inbox, 'two', true));
    clock.now += TTL_MS + 1;
    await store.cleanUp();
    expect(tables.row('roomSubscriptions', inbox.tag)).toBeUndefined();
  });
});

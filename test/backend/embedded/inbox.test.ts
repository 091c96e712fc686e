import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSpaceWatch, NEARLY_FULL_BYTES } from '../../../src/backend/embedded/disk-space.ts';
import type { Store } from '../../../src/backend/embedded/store.ts';
import type { Tables } from '../../../src/backend/embedded/tables.ts';
import { createTransaction } from '../../../src/backend/embedded/transaction.ts';
import { NO_EPOCH, type Position } from '../../../src/chat/log-store.ts';
import { refuseNewLogs } from '../../../src/chat/nearly-full.ts';
import { announcementsOf, inboxOf, type Room } from '../../../src/chat/room.ts';
import { draftOf, granted, newRoom, range, seqsOf } from '../../contract/peers.ts';
import { type EmbeddedStore, RULES, storeForTest } from './store-for-test.ts';

const INBOX_TTL_MS = RULES.inboxTtlS * 1000;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

function newInbox(): Room {
  return inboxOf('/', randomUUID());
}

async function fill(store: Store, room: Room, count: number): Promise<void> {
  const appended = range(1, count).map((n) => store.logs.append(room, draftOf(room, `${n}`)));
  for (const outcome of await Promise.all(appended)) granted(outcome);
}

/** Resolves once everything that was asked for is committed. */
const commit = (store: Store) => fill(store, newRoom(), 1);

async function latest(store: Store, room: Room) {
  return granted(await store.logs.read(room, { limit: 1_000, maxBytes: 1_000_000 }));
}

/** The same tables, counting what is committed. */
function counted({ tables }: EmbeddedStore): { tables: Tables; commits: () => number } {
  let commits = 0;
  const commit: Tables['commit'] = (writes) => {
    commits += 1;
    return tables.commit(writes);
  };
  return { tables: { ...tables, commit }, commits: () => commits };
}

describe('embedded inbox', () => {
  it('stores nothing when an empty inbox is read or marked, in the next run too', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup);
    for (const _ of [1, 2]) {
      const store = setup.open({ tables });
      for (const log of [newInbox(), announcementsOf('/')]) {
        expect(await latest(store, log)).toMatchObject({ epoch: NO_EPOCH, top: 0 });
        const none = { recv: 0, read: 0 };
        expect(granted(await store.inboxes.raise(log, { read: 3 }))).toEqual({ ...none, was: none });
        expect(tables.row('logMeta', log.tag)).toBeUndefined();
        expect(tables.row('inboxMarkers', log.tag)).toBeUndefined();
      }
    }
    expect(commits()).toBe(0);
    await latest(setup.open({ tables }), newRoom());
    expect(commits()).toBe(1);
  });

  it('begins no inbox that was erased while it was being read', async () => {
    const { tables, clock } = await storeForTest();
    const touched = (room: Room) => {
      const group = createTransaction(
        tables,
        {
          ...RULES,
          run: 'this',
          earlierNamesUntilMs: 0,
          isConnected: () => false,
          isNearlyFull: () => false,
        },
        { now: clock.now, steadyMs: clock.now },
      );
      group.ensureEpoch(room);
      return group.finish().length;
    };
    expect([touched(newInbox()), touched(newRoom())]).toEqual([0, 1]);
  });

  it('commits no marker that does not rise', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup);
    const store = setup.open({ tables });
    const inbox = newInbox();
    await fill(store, inbox, 3);
    granted(await store.inboxes.raise(inbox, { sent: 3, recv: 3, read: 2 }));
    const before = commits();
    expect(granted(await store.inboxes.raise(inbox, { sent: 9, recv: 2, read: 2 }))).toEqual({
      recv: 3,
      read: 2,
      was: { recv: 3, read: 2 },
    });
    expect(commits()).toBe(before);
  });

  it('keeps inboxes and announcements by their own settings, and rooms by theirs', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    const logs = [newRoom(), newInbox(), announcementsOf('/')] as const;
    for (const log of logs) await fill(store, log, 300);
    const firsts = async () => Promise.all(logs.map(async (log) => (await latest(store, log)).first));
    const [room = 0, inbox = 0, news = 0] = await firsts();
    expect(300 - room + 1).toBeGreaterThanOrEqual(RULES.historySize);
    expect(300 - inbox + 1).toBeGreaterThanOrEqual(RULES.inboxSize);
    expect(300 - inbox + 1).toBeLessThan(RULES.historySize);
    expect(news).toBe(inbox);

    clock.now += RULES.historyTtlS * 1000 + 1;
    await store.cleanUp();
    expect(await firsts()).toEqual([301, inbox, inbox]);
    clock.now += INBOX_TTL_MS - RULES.historyTtlS * 1000;
    expect(await firsts()).toEqual([301, 301, 301]);
    await store.cleanUp();
    for (const { tag } of logs) {
      expect(tables.readSnapshot((snapshot) => seqsOf([...snapshot.entries(tag, 1, 1_000)]))).toEqual([]);
    }
  });

  it('keeps the items of an inbox that nobody has opened for a week, and then nothing of it', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open({ rules: { ...RULES, inboxTtlS: 2_592_000 } });
    const [unopened, opened] = [newInbox(), newInbox()];
    for (const inbox of [unopened, opened])
      granted(await store.logs.append(inbox, draftOf(inbox, 'x', { bounded: true })));
    granted(await store.inboxes.markers(opened, { opens: 'ifStored' }));
    await commit(store);
    const lengths = async () =>
      Promise.all([unopened, opened].map(async (inbox) => (await latest(store, inbox)).entries.length));
    clock.now += WEEK_MS;
    expect(await lengths()).toEqual([1, 1]);
    clock.now += 1;
    expect(await lengths()).toEqual([0, 1]);
    // The first one hides and removes the items, the second one the rest.
    await store.cleanUp();
    await store.cleanUp();
    expect(tables.row('logMeta', unopened.tag)).toBeUndefined();
    expect(tables.row('logMeta', opened.tag)).toMatchObject({ top: 1 });
    granted(await store.logs.append(unopened, draftOf(unopened, 'new', { bounded: true })));
    expect(await latest(store, unopened)).toMatchObject({ top: 1 });
  });

  it('takes nothing from people for new rooms and unopened inboxes while its disk is nearly full', async () => {
    let free = NEARLY_FULL_BYTES;
    const { open } = await storeForTest();
    const store = open({ isNearlyFull: createSpaceWatch({ freeBytes: () => free }) });
    const [old, fresh, ann, bob] = [newRoom(), newRoom(), newInbox(), newInbox()];
    const say = (room: Room) => store.logs.append(room, { ...draftOf(room, 'x'), author: 'carl' });
    const write = (inbox: Room) => store.logs.append(inbox, draftOf(inbox, 'x', { bounded: true }));
    granted(await say(old));
    granted(await store.inboxes.markers(ann, { opens: 'lastingly' }));
    await commit(store);
    free -= 1;
    await latest(store, fresh);
    for (const [outcome, done] of [
      [say(fresh), false],
      [write(bob), false],
      [say(old), true],
      [write(ann), true],
    ] as const) {
      if (done) granted(await outcome);
      else expect(await outcome).toEqual(refuseNewLogs());
    }
    for (const log of [fresh, bob]) await fill(store, log, 1);
    granted(await say(fresh));
    granted(await write(bob));
    // It begins again only once there is some more space.
    free = NEARLY_FULL_BYTES * 1.25 - 1;
    expect(await say(newRoom())).toEqual(refuseNewLogs());
    free += 1;
    granted(await say(newRoom()));
  });

  it('remembers that a user without items was there, and commits that once', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup);
    const store = setup.open({ tables });
    const inbox = newInbox();
    const login = async () => {
      granted(await store.inboxes.markers(inbox, { opens: 'lastingly' }));
      await commit(store);
    };
    await login();
    const before = commits();
    await login();
    expect(commits()).toBe(before + 1);
    setup.clock.now += INBOX_TTL_MS - 1;
    await store.cleanUp();
    expect(tables.row('logMeta', inbox.tag)).toMatchObject({ top: 0 });
    await login();
    setup.clock.now += INBOX_TTL_MS;
    await store.cleanUp();
    expect(tables.row('logMeta', inbox.tag)).toMatchObject({ top: 0 });
    setup.clock.now += 2;
    await store.cleanUp();
    expect(tables.row('logMeta', inbox.tag)).toBeUndefined();
  });

  it('forgets a log whose entries are gone for as long again, and keeps the rooms that its user has joined since', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    const [room, inbox] = [newRoom(), newInbox()];
    await fill(store, room, 3);
    await fill(store, inbox, 3);
    clock.now += 2 * INBOX_TTL_MS + DAY_MS;
    granted(await store.roomSubscriptions.set(inbox, 'tea', true));
    await store.cleanUp();
    expect(tables.row('logMeta', inbox.tag)).toMatchObject({ top: 3 });
    clock.now += 1;
    await store.cleanUp();
    await store.cleanUp();
    for (const { tag } of [room, inbox]) expect(tables.row('logMeta', tag)).toBeUndefined();
    expect(granted(await store.roomSubscriptions.list(inbox))).toEqual([{ roomid: 'tea', read: 0 }]);
    clock.now += INBOX_TTL_MS;
    await store.cleanUp();
    expect(tables.row('roomSubscriptions', inbox.tag)).toBeUndefined();
  });

  it('keeps a room’s log of a release that had rooms only', async () => {
    const { open, tables, clock } = await storeForTest();
    const room = newRoom();
    const { now: at } = clock;
    const head = { epoch: 'old', run: 'old', top: 0, at, first: 1, floor: 1, links: [] };
    await tables.commit([{ table: 'logMeta', key: room.tag, value: head }]);
    const store = open();
    await fill(store, room, 1);
    expect(await latest(store, room)).toMatchObject({ top: 1, previousEpochs: [{ epoch: 'old', upTo: 0 }] });
    clock.now += RULES.historyTtlS * 1000 + 1;
    expect(await latest(store, room)).toMatchObject({ top: 1, first: 2 });
  });

  it('keeps the markers and numbers of an idle inbox for longer than its entries', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const inbox = newInbox();
    const was: Position = { epoch: 'news', seq: 1 };
    await fill(store, inbox, 2);
    granted(
      await store.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x'), { was: undefined, becomes: was }),
    );
    granted(await store.inboxes.raise(inbox, { read: 2 }));
    clock.now += INBOX_TTL_MS + 1;
    await store.cleanUp();
    expect(await latest(store, inbox)).toMatchObject({ entries: [], top: 3, first: 4 });
    expect(granted(await store.inboxes.markers(inbox))).toEqual({ recv: 2, read: 2, announcements: was });
    const again = { was: undefined, becomes: { epoch: 'news', seq: 2 } };
    expect(granted(await store.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x'), again))).toBe(false);
    await fill(store, inbox, 1);
    expect(await latest(store, inbox)).toMatchObject({ top: 4, first: 4 });
  });

  it('forgets the markers with the inbox', async () => {
    const { open, tables, clock } = await storeForTest();
    const { tag } = newInbox();
    const { now: at } = clock;
    const head = { kind: 'inbox', epoch: 'e', run: 'r', top: 0, at, first: 1, floor: 1, links: [] } as const;
    const marks = { sent: [], recv: [], read: [], news: { epoch: 'news', seq: 1 } };
    await tables.commit([
      { table: 'logMeta', key: tag, value: head },
      { table: 'inboxMarkers', key: tag, value: marks },
    ]);
    const store = open();
    await store.cleanUp();
    expect(granted(await store.inboxes.markers({ tag }))).toMatchObject({ announcements: marks.news });
    clock.now += INBOX_TTL_MS + 1;
    await store.cleanUp();
    expect(tables.row('logMeta', tag)).toBeUndefined();
    expect(tables.row('inboxMarkers', tag)).toBeUndefined();
  });

  it('lets changes of one commit see one another', async () => {
    const setup = await storeForTest();
    const { tables, commits } = counted(setup);
    const store = setup.open({ tables });
    const inbox = newInbox();
    const place = (seq: number): Position => ({ epoch: 'news', seq });
    const fold = (was: Position | undefined, becomes: Position) =>
      store.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x'), { was, becomes });
    const changes = [
      store.inboxes.raise(inbox, { recv: 9 }),
      fold(undefined, place(1)),
      fold(undefined, place(1)),
      store.inboxes.raise(inbox, { recv: 9 }),
      fold(place(1), place(2)),
      store.inboxes.raise(inbox, { read: 1 }),
      store.logs.append(inbox, draftOf(inbox, 'y')),
      store.inboxes.raise(inbox, { read: 9 }),
      store.inboxes.raise(inbox, { read: 2 }),
    ] as const;
    const answers = (await Promise.all(changes)).map((outcome) => granted<unknown>(outcome));
    expect(answers).toEqual([
      { recv: 0, read: 0, was: { recv: 0, read: 0 } },
      true,
      false,
      { recv: 1, read: 0, announcements: place(1), was: { recv: 0, read: 0 } },
      true,
      { recv: 1, read: 1, announcements: place(2), was: { recv: 1, read: 0 } },
      expect.objectContaining({ seq: 3 }),
      { recv: 3, read: 3, announcements: place(2), was: { recv: 1, read: 1 } },
      { recv: 3, read: 3, announcements: place(2), was: { recv: 3, read: 3 } },
    ]);
    expect(commits()).toBe(1);
    expect(seqsOf((await latest(store, inbox)).entries)).toEqual([1, 2, 3]);
  });

  it('raises, copies and claims nothing in a commit that failed', async () => {
    const { open, tables } = await storeForTest();
    let broken = false;
    const failing: Tables = {
      ...tables,
      commit: (writes) => (broken ? Promise.reject(new Error('disk full')) : tables.commit(writes)),
    };
    const store = open({ tables: failing });
    const inbox = newInbox();
    await fill(store, inbox, 2);
    granted(await store.inboxes.raise(inbox, { recv: 1 }));
    broken = true;
    const becomes = { epoch: 'news', seq: 1 };
    const failed = await Promise.all([
      store.inboxes.raise(inbox, { read: 2 }),
      store.inboxes.appendAnnouncement(inbox, draftOf(inbox, 'x'), { was: undefined, becomes }),
      store.idempotency.claim('key', 'print', 'one'),
      store.pushes.save('one', { nsp: '/', positions: [] }),
    ]);
    for (const outcome of failed) expect(outcome).toMatchObject({ error: { code: 'unavailable' } });
    broken = false;
    expect(granted(await store.inboxes.markers(inbox))).toEqual({ recv: 1, read: 0 });
    expect(granted(await store.inboxes.progress([{ inbox, seq: 2 }]))).toEqual([{}]);
    expect(granted(await store.idempotency.claim('key', 'other', 'two'))).toEqual({
      state: 'granted',
      id: 'two',
    });
    expect(granted(await store.pushes.find('one'))).toBeUndefined();
    expect((await latest(store, inbox)).top).toBe(2);
  });

  it('returns the times of the newest 200 steps, and a later time for older ones', async () => {
    const { open, clock, tables } = await storeForTest();
    const store = open();
    const inbox = newInbox();
    await fill(store, inbox, 250);
    const begin = clock.now;
    for (const seq of range(1, 250)) {
      clock.now = begin + seq;
      granted(await store.inboxes.raise(inbox, { sent: seq, recv: Math.ceil(seq / 2) }));
    }
    const items = range(1, 250).map((seq) => ({ inbox, seq }));
    const progress = granted(await store.inboxes.progress(items));
    expect(progress.map(({ sentAt }) => sentAt)).toEqual(
      range(1, 250).map((seq) => begin + Math.max(seq, 51)),
    );
    // 125 steps, all of them kept.
    expect(progress.map(({ recvAt }) => recvAt)).toEqual(
      range(1, 250).map((seq) => (seq <= 125 ? begin + seq * 2 - 1 : undefined)),
    );
    expect(tables.row('inboxMarkers', inbox.tag)?.sent).toHaveLength(200);
  });

  it('dates no step before the item or an earlier step if the clock is set back', async () => {
    const { open, clock } = await storeForTest();
    const store = open();
    const inbox = newInbox();
    const start = clock.now;
    await fill(store, inbox, 2);
    clock.now = start - 60_000;
    granted(await store.inboxes.raise(inbox, { sent: 1 }));
    clock.now = start + 60_000;
    granted(await store.inboxes.raise(inbox, { recv: 1 }));
    clock.now = start + 1;
    granted(await store.inboxes.raise(inbox, { read: 1, sent: 2 }));
    expect(granted(await store.inboxes.progress([1, 2].map((seq) => ({ inbox, seq }))))).toEqual([
      { sentAt: start, recvAt: start + 60_000, readAt: start + 60_000 },
      { sentAt: start + 60_000 },
    ]);
  });

  it('refuses everything once closed', async () => {
    const { open } = await storeForTest();
    const store = open();
    const inbox = newInbox();
    await store.close();
    const outcomes = await Promise.all([
      store.inboxes.markers(inbox),
      store.inboxes.raise(inbox, { read: 1 }),
      store.inboxes.progress([{ inbox, seq: 1 }]),
      store.idempotency.claim('key', 'print', 'id'),
      store.pushes.save('id', { nsp: '/', positions: [] }),
      store.pushes.find('id'),
      store.logs.tops([inbox]),
    ]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ ok: false, error: { code: 'unavailable', retryAfterMs: 1_000 } });
    }
  });
});

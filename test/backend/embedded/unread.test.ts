import { expect, it } from 'vitest';
import { createReaderCounts } from '../../../src/backend/embedded/reader-counts.ts';
import type { Tables } from '../../../src/backend/embedded/tables.ts';
import { inboxOf, type Room, roomOf } from '../../../src/chat/room.ts';
import type { Outcome } from '../../../src/protocol/codes.ts';
import { draftOf, granted, range } from '../../contract/peers.ts';
import { RULES, storeForTest } from './store-for-test.ts';

const inbox = inboxOf('/', 'ann');
const room = roomOf('/', 'tea');
const key = `${inbox.tag} tea`;

it('an embedded store forgets a user’s newest own message with the room subscription', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  const say = async () =>
    granted(await store.logs.append(room, { ...draftOf(room, 'x'), reader: inbox.tag }));
  const visit = async (roomid: string, joined: boolean) =>
    granted(await store.roomSubscriptions.set(inbox, roomid, joined));
  const comeAndSay = async () => {
    await visit('tea', true);
    const { seq } = await say();
    expect(tables.row('said', key)).toBe(seq);
  };
  await comeAndSay();
  await visit('tea', false);
  expect(tables.row('said', key)).toBe(undefined);
  await comeAndSay();
  granted(await store.inboxes.erase(inbox));
  expect(tables.row('said', key)).toBe(undefined);
  await comeAndSay();
  for (const n of range(1, 1_000)) await visit(`${n}`, true);
  expect(tables.row('said', key)).toBe(undefined);
  granted(await store.inboxes.erase(inbox));
  await comeAndSay();
  clock.now += RULES.inboxTtlS * 1_000 + 1;
  await store.cleanUp();
  expect(tables.row('said', key)).toBe(undefined);
});

it('an embedded store keeps no own-message rows of a record that expired or was deleted', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  const sayIn = async (roomid: string) => {
    const there = roomOf('/', roomid);
    granted(await store.logs.append(there, { ...draftOf(there, 'x'), reader: inbox.tag }));
  };
  const said = () =>
    ['tea', 'milk', 'jam'].filter((roomid) => tables.row('said', `${inbox.tag} ${roomid}`) !== undefined);
  const changes: readonly (() => Promise<Outcome<unknown>>)[] = [
    () => store.roomSubscriptions.set(inbox, 'milk', true),
    () => store.roomSubscriptions.raiseReadMarker(inbox, 'milk', 1),
    () => store.roomSubscriptions.set(inbox, 'milk', false),
  ];
  for (const change of changes) {
    for (const roomid of ['tea', 'milk', 'jam']) {
      granted(await store.roomSubscriptions.set(inbox, roomid, true));
      await sayIn(roomid);
    }
    clock.now += RULES.inboxTtlS * 1_000 + 1;
    granted(await change());
    expect(said().filter((roomid) => roomid !== 'milk')).toEqual([]);
    granted(await store.roomSubscriptions.set(inbox, 'milk', false));
    expect(said()).toEqual([]);
  }
  granted(await store.roomSubscriptions.set(inbox, 'tea', true));
  granted(await store.inboxes.erase(inbox));
  await sayIn('tea');
  expect(said()).toEqual(['tea']);
  expect(granted(await store.roomSubscriptions.set(inbox, 'tea', false))).toBe(false);
  expect(said()).toEqual([]);
});

it('an embedded store keeps own messages in a room without a subscription for the TTL of an inbox', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  const rooms = ['tea', 'a cup of tea', 'joined'];
  const say = async (roomid: string) => {
    const there = roomOf('/', roomid);
    granted(await store.logs.append(there, { ...draftOf(there, 'x'), reader: inbox.tag }));
  };
  const said = () => rooms.filter((roomid) => tables.row('said', `${inbox.tag} ${roomid}`) !== undefined);
  for (const roomid of [...rooms, ...rooms]) await say(roomid);
  clock.now += RULES.inboxTtlS * 500;
  for (const roomid of rooms) await say(roomid);
  granted(await store.roomSubscriptions.set(inbox, 'joined', true));
  await store.cleanUp();
  expect(said()).toEqual(rooms);
  clock.now += RULES.inboxTtlS * 500 + 1;
  await store.cleanUp();
  expect(said()).toEqual(['joined']);
  clock.now += RULES.inboxTtlS * 1_000;
  await store.cleanUp();
  expect(said()).toEqual([]);
  expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  granted(await store.roomSubscriptions.set(inbox, 'joined', true));
  for (const _ of range(1, 2)) await say('joined');
  expect(tables.expiriesBefore(Number.MAX_SAFE_INTEGER, 10).map(([, table]) => table)).toEqual([
    'roomSubscriptions',
  ]);
});

it('an embedded store counts no expired entries, and forgets their uncounted rows with them', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  for (const text of ['1', '2', '3']) granted(await store.logs.append(room, draftOf(room, text)));
  const notice = { id: 'n', members: '"event":"deleted","ref":2' };
  granted(await store.logs.replace(room, 2, draftOf(room, '').members, notice));
  const count = async () => granted(await store.logs.unread([{ room, read: 0 }]))[0]?.unread;
  expect(await count()).toBe(2);
  expect(tables.uncountedOf(room.tag, 1, 9)).toEqual([2, 4]);
  clock.now += RULES.historyTtlS * 1_000 + 1;
  expect(await count()).toBe(0);
  await store.cleanUp();
  expect(tables.uncountedOf(room.tag, 1, 9)).toEqual([]);
  await store.close();
  expect(await store.logs.unread([{ room, read: 0 }])).toMatchObject({ error: { code: 'unavailable' } });
});

it('an embedded store writes as much for the last of many deletions as for the first', async () => {
  const { open, tables } = await storeForTest();
  const sizes: number[] = [];
  const commit: Tables['commit'] = (writes) => {
    sizes.push(JSON.stringify(writes).length);
    return tables.commit(writes);
  };
  const store = open({ tables: { ...tables, commit }, rules: { ...RULES, historySize: 5_000 } });
  await Promise.all(range(1, 1_000).map((n) => store.logs.append(room, draftOf(room, `${1_000 + n}`))));
  const remove = async (seq: number) => {
    const notice = { id: 'n', members: `"event":"deleted","ref":${1_000 + seq}` };
    granted(await store.logs.replace(room, seq, draftOf(room, '').members, notice));
    return sizes.at(-1) ?? 0;
  };
  const first = await remove(1);
  await Promise.all(range(2, 998).map(remove));
  expect(await remove(999)).toBeLessThan(first + 50);
  expect(granted(await store.logs.unread([{ room, read: 0 }]))).toEqual([{ top: 1_999, read: 0, unread: 1 }]);
});

it('an embedded store forgets the uncounted row of each removed entry, in that log only', async () => {
  const { open, tables } = await storeForTest();
  const store = open({ rules: { ...RULES, historySize: 10 } });
  const other = { ...room, tag: `${room.tag}!` };
  const say = async (one: Room) => granted(await store.logs.append(one, draftOf(one, 'x')));
  const notice = { id: 'n', members: '"event":"deleted","ref":1' };
  for (const one of [room, other]) {
    for (const _ of range(1, 8)) await say(one);
    for (const seq of [2, 6]) granted(await store.logs.replace(one, seq, draftOf(one, '').members, notice));
  }
  // In one commit with the entries that push them out.
  const replaced = store.logs.replace(room, 3, draftOf(room, '').members, notice);
  await Promise.all([replaced, ...range(1, 200).map(() => say(room))]);
  expect(tables.uncountedOf(room.tag, 1, 1_000)).toEqual([]);
  expect(tables.uncountedOf(other.tag, 1, 1_000)).toEqual([2, 6, 9, 10]);
  const { top } = granted(await store.logs.read(room, { limit: 1, maxBytes: 1_000 }));
  const held = granted(await store.logs.read(room, { after: 0, limit: 1_000, maxBytes: 1_000_000 }));
  expect(granted(await store.logs.unread([{ room, read: 0 }]))[0]?.unread).toBe(top - held.first + 1);
  granted(await store.inboxes.erase(other));
  expect(tables.uncountedOf(other.tag, 1, 1_000)).toEqual([]);
});

it('an embedded store counts the readers of the rooms that were used last', () => {
  const counts = createReaderCounts(2, 5);
  const [first, second] = [roomOf('/', 'first'), roomOf('/', 'second')];
  expect(counts.count(first, 1)).toBe(0);
  counts.raised(first, 'ann', 3);
  counts.raised(first, 'bob', 4);
  counts.raised(first, 'bob', 2);
  expect([3, 4, 5].map((seq) => counts.count(first, seq))).toEqual([2, 1, 0]);
  // Twice as many as the log has entries, before the lowest go.
  for (const seq of range(1, 4)) counts.raised(second, `reader ${seq}`, seq);
  expect([1, 4].map((seq) => counts.count(second, seq))).toEqual([4, 1]);
  expect(counts.count(first, 1)).toBe(0);
  counts.raised(second, 'cleo', 5);
  expect([1, 4, 5].map((seq) => counts.count(second, seq))).toEqual([3, 2, 1]);
});

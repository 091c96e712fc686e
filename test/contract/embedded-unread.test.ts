import { expect, it } from 'vitest';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { RULES, storeForTest } from './embedded-store.ts';
import { draftOf, granted, range } from './peers.ts';

const inbox = inboxOf('/', 'ann');
const room = roomOf('/', 'tea');
const key = `${inbox.tag} tea`;

it('an embedded store forgets what a user said last with the room among theirs', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  const say = async () =>
    granted(await store.logs.append(room, { ...draftOf(room, 'x'), reader: inbox.tag }));
  const visit = async (roomid: string, joined: boolean) =>
    granted(await store.visits.visit(inbox, roomid, joined));
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
  await store.tidy();
  expect(tables.row('said', key)).toBe(undefined);
});

it('an embedded store keeps nothing of what was said in rooms of a record that ended, or that was deleted', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  const sayIn = async (roomid: string) => {
    const there = roomOf('/', roomid);
    granted(await store.logs.append(there, { ...draftOf(there, 'x'), reader: inbox.tag }));
  };
  const said = () =>
    ['tea', 'milk', 'jam'].filter((roomid) => tables.row('said', `${inbox.tag} ${roomid}`) !== undefined);
  const changes: readonly (() => Promise<Outcome<unknown>>)[] = [
    () => store.visits.visit(inbox, 'milk', true),
    () => store.visits.read(inbox, 'milk', 1),
    () => store.visits.visit(inbox, 'milk', false),
  ];
  for (const change of changes) {
    for (const roomid of ['tea', 'milk', 'jam']) {
      granted(await store.visits.visit(inbox, roomid, true));
      await sayIn(roomid);
    }
    clock.now += RULES.inboxTtlS * 1_000 + 1;
    granted(await change());
    expect(said().filter((roomid) => roomid !== 'milk')).toEqual([]);
    granted(await store.visits.visit(inbox, 'milk', false));
    expect(said()).toEqual([]);
  }
  granted(await store.visits.visit(inbox, 'tea', true));
  granted(await store.inboxes.erase(inbox));
  await sayIn('tea');
  expect(said()).toEqual(['tea']);
  expect(granted(await store.visits.visit(inbox, 'tea', false))).toBe(false);
  expect(said()).toEqual([]);
});

it('an embedded store counts nothing that expired, and forgets what nobody had to read with it', async () => {
  const { open, tables, clock } = await storeForTest();
  const store = open();
  for (const text of ['1', '2', '3']) granted(await store.logs.append(room, draftOf(room, text)));
  const notice = { id: 'n', members: '"event":"deleted","ref":2' };
  granted(await store.logs.replace(room, 2, draftOf(room, '').members, notice));
  const count = async () => granted(await store.logs.unread([{ room, read: 0 }]))[0]?.unread;
  expect(await count()).toBe(2);
  expect(tables.row('uncounted', room.tag)).toEqual([2, 4]);
  clock.now += RULES.historyTtlS * 1_000 + 1;
  expect(await count()).toBe(0);
  await store.tidy();
  expect(tables.row('uncounted', room.tag)).toBe(undefined);
  await store.close();
  expect(await store.logs.unread([{ room, read: 0 }])).toMatchObject({ error: { code: 'unavailable' } });
});

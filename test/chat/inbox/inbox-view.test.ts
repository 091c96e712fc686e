import { describe, expect, it } from 'vitest';
import { createInboxView } from '../../../src/chat/inbox/inbox-view.ts';
import { draftOf, type OutgoingItem } from '../../../src/chat/inbox/items.ts';
import type { Position } from '../../../src/chat/log-store.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import type { Right } from '../../../src/protocol/rights.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const ann = inboxOf('/', 'ann');
const bob = { id: 'bob', name: 'Bob' };
const owner = {
  userId: 'ann',
  access: { rightsIn: (roomid: string): readonly Right[] => (roomid === 'secret' ? [] : ['read']) },
};

function setUp() {
  const store = createMemoryStore();
  const shown = createInboxView({ ...store, inboxSize: 1_000 });
  let made = 0;
  async function put(item: Partial<OutgoingItem> = {}): Promise<void> {
    made += 1;
    const whole: OutgoingItem = { id: `i${made}`, kind: 'private', from: bob, json: String(made), ...item };
    await store.logs.append(ann, draftOf(whole));
  }
  async function fill(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await put();
  }
  async function login(from?: Position) {
    const page = await shown.read(ann, from);
    if (!page.ok) throw new Error(page.error.message);
    const { unread, read, ...rest } = shown.toPushMessage(page.value, [], owner);
    return { unread: unread.map(({ seq }) => seq), read: read.map(({ seq }) => seq), ...rest };
  }
  return { store, shown, put, fill, login };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('the inbox after a login', () => {
  it('is nothing when nothing ever came', async () => {
    expect(await setUp().login()).toEqual({ epoch: 'new', top: 0, unread: [], read: [], more: false });
  });

  it('keeps unread items under unread over logins, and read ones apart', async () => {
    const { store, fill, login } = setUp();
    await fill(5);
    await store.inboxes.raise(ann, { recv: 5, read: 2 });
    const first = await login();
    expect(first).toEqual({ epoch: 'e1', top: 5, unread: [3, 4, 5], read: [1, 2], more: false });
    expect(await login()).toEqual(first);
  });

  it('has no mention in a room that the owner may not read, neither has the list', async () => {
    const { put, login, shown } = setUp();
    for (const roomid of ['tea', 'secret'])
      await put({ kind: 'mention', json: JSON.stringify({ roomid, epoch: 'e', seq: 1 }) });
    expect(await login()).toEqual({ epoch: 'e1', top: 2, unread: [1], read: [], more: false });
    const listed = await shown.list(ann, { limit: 10 }, owner.access);
    expect(listed.ok && listed.value.items.map(({ seq }) => seq)).toEqual([1]);
  });

  it('is the newest 50 unread and 20 read ones, and says when there are more', async () => {
    const { store, fill, login } = setUp();
    await fill(100);
    await store.inboxes.raise(ann, { read: 30 });
    expect(await login()).toEqual({
      epoch: 'e1',
      top: 100,
      unread: range(51, 100),
      read: range(11, 30),
      more: true,
    });
    await store.inboxes.raise(ann, { read: 60 });
    expect(await login()).toMatchObject({ unread: range(61, 100), read: range(41, 60), more: false });
  });

  it('is everything newer than the device’s position', async () => {
    const { fill, login } = setUp();
    await fill(80);
    expect(await login({ epoch: 'e1', seq: 10 })).toMatchObject({ unread: range(11, 80), more: false });
    expect(await login({ epoch: 'e1', seq: 80 })).toMatchObject({ unread: [], read: [], more: false });
    expect(await login({ epoch: 'new', seq: 0 })).toMatchObject({ unread: range(1, 80) });
  });

  it('is the newest ones for a device that stands in another epoch', async () => {
    const { fill, login } = setUp();
    await fill(80);
    expect(await login({ epoch: 'lost', seq: 70 })).toMatchObject({ unread: range(31, 80), more: true });
  });

  it('shows a device with a position of another store that this inbox is empty', async () => {
    for (const seq of [0, 1, 70])
      expect(await setUp().login({ epoch: 'elsewhere', seq })).toMatchObject({
        epoch: 'new',
        top: 0,
        unread: [],
      });
  });

  it('never counts own messages as unread', async () => {
    const { put, login } = setUp();
    await put({ from: { id: 'ann', name: 'Ann' } });
    await put();
    expect(await login()).toMatchObject({ unread: [2], read: [1] });
  });

  it('leaves out what has expired', async () => {
    const { store, put, login } = setUp();
    await put({ ttlS: 60 });
    await put();
    store.pass(59_000);
    expect(await login()).toMatchObject({ unread: [1, 2] });
    store.pass(1_000);
    expect(await login()).toMatchObject({ unread: [2], top: 2 });
  });

  it('includes items that arrived while it was read', async () => {
    const { store, shown, fill, put } = setUp();
    await fill(2);
    const page = await shown.read(ann, undefined);
    if (!page.ok) throw new Error('not read');
    await put();
    const message = shown.toPushMessage(page.value, store.entries(ann).slice(2), owner);
    expect(message).toMatchObject({ top: 3 });
    expect(message.unread.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('shows an item as it was sent', async () => {
    const { shown, put } = setUp();
    await put({ kind: 'push', entityType: 'like', json: '{"a":[1,{"b":null}]}', ttlS: 60 });
    const listed = await shown.list(ann, { limit: 10 }, owner.access);
    expect(listed.ok && listed.value.items).toEqual([
      {
        id: 'i1',
        seq: 1,
        at: expect.any(Number),
        kind: 'push',
        from: bob,
        entityType: 'like',
        data: { a: [1, { b: null }] },
      },
    ]);
  });
});

describe('the list of an inbox', () => {
  it('is paged from the newest on and has the markers', async () => {
    const { store, shown, fill } = setUp();
    await fill(7);
    await store.inboxes.raise(ann, { recv: 5, read: 4 });
    const page = async (query: { before?: number; limit: number }) => {
      const listed = await shown.list(ann, query, owner.access);
      if (!listed.ok) throw new Error(listed.error.message);
      const { items, ...rest } = listed.value;
      return { ...rest, seqs: items.map(({ seq }) => seq) };
    };
    const head = { epoch: 'e1', top: 7, recvSeq: 5, readSeq: 4 };
    expect(await page({ limit: 3 })).toEqual({ ...head, seqs: [5, 6, 7], more: true });
    expect(await page({ limit: 4, before: 5 })).toEqual({ ...head, seqs: [1, 2, 3, 4], more: false });
  });
});

import { describe, expect, it, vi } from 'vitest';
import { createMessageChanges } from '../../src/chat/message-changes.ts';
import { withoutOthers } from '../../src/chat/reactions.ts';
import { roomOf } from '../../src/chat/room.ts';
import { refuse } from '../../src/protocol/codes.ts';
import { foldEntries } from '../../src/protocol/folding.ts';
import { MAX_REACTIONS, MAX_REACTIONS_TOGETHER } from '../../src/protocol/limits.ts';
import type { ChatMessage, RoomEntry } from '../../src/protocol/rooms.ts';
import { deletion, edit, reaction } from '../../src/server/message-decisions.ts';
import { draftOf, granted } from '../contract/peers.ts';
import { createMemoryStore } from '../support/memory-store.ts';

const room = roomOf('/', 'tea');
const { roomid } = room;
const ANN = { userId: 'ann', username: 'Ann' };
const BOB = { userId: 'bob', username: 'Bob' };

async function stage() {
  const store = createMemoryStore({ historySize: 10_000 });
  const expected: number[] = [];
  let ids = 0;
  const open = () =>
    createMessageChanges({
      logs: store.logs,
      feeds: { expectEcho: (_, { seq }) => void expected.push(seq) },
      newId() {
        ids += 1;
        return `id-${ids}`;
      },
    });
  granted(await store.logs.append(room, draftOf(room, 'hello')));
  const read = async (): Promise<RoomEntry[]> => {
    const page = granted(await store.logs.read(room, { limit: 10_000, maxBytes: 100_000_000 }));
    return page.entries.map(({ json }) => JSON.parse(json) as RoomEntry);
  };
  return {
    store,
    expected,
    open,
    read,
    message: async () => withoutOthers((await read())[0] as ChatMessage),
  };
}

const dedupe = { scope: 'user ann', clientMsgId: 'm', content: 'c' };

describe('a change of a message', () => {
  it('of the own one is stored with its announcement', async () => {
    const { open, read, expected } = await stage();
    const decide = edit({ roomid, by: ANN, own: true, text: 'hi', clientMsgId: 'm' });
    const edited = granted(await open().apply({ room, seq: 1, decide, dedupe }));
    expect(edited).toMatchObject({ seq: 2, dup: false });
    expect(expected).toEqual([2]);
    const { epoch, id, at } = edited;
    expect(await read()).toMatchObject([
      { seq: 1, data: { text: 'hi', userId: 'ann' }, edited: { at, seq: 2 } },
      {
        event: 'edited',
        roomid,
        epoch,
        seq: 2,
        id,
        at,
        clientMsgId: 'm',
        ref: 1,
        data: { text: 'hi' },
        by: ANN,
      },
    ]);
  });

  it('of another’s is forbidden, and of none is not found', async () => {
    const { open, read } = await stage();
    const changes = open();
    for (const decide of [
      edit({ roomid, by: BOB, own: true, text: 'x' }),
      deletion({ roomid, by: BOB, own: true }),
    ]) {
      expect(await changes.apply({ room, seq: 1, decide })).toMatchObject({ error: { code: 'forbidden' } });
    }
    granted(
      await changes.apply({ room, seq: 1, decide: reaction({ roomid, by: BOB, reaction: '+1', on: true }) }),
    );
    for (const seq of [2, 3]) {
      const decide = edit({ roomid, by: BOB, own: true, text: 'x' });
      expect(await changes.apply({ room, seq, decide })).toMatchObject({ error: { code: 'not_found' } });
    }
    expect(await read()).toHaveLength(2);
  });

  it('is answered as the first time when it comes again, also after the message was deleted', async () => {
    const { open, read } = await stage();
    const changes = open();
    const decide = edit({ roomid, by: ANN, own: true, text: 'hi' });
    const first = granted(await changes.apply({ room, seq: 1, decide, dedupe }));
    expect(granted(await changes.apply({ room, seq: 1, decide, dedupe }))).toEqual({ ...first, dup: true });
    const again = { ...dedupe, clientMsgId: 'd' };
    const gone = { room, seq: 1, decide: deletion({ roomid, by: ANN, own: true }), dedupe: again };
    const removed = granted(await changes.apply(gone));
    expect(granted(await changes.apply(gone))).toEqual({ ...removed, dup: true });
    expect(granted(await changes.apply({ room, seq: 1, decide, dedupe }))).toEqual({ ...first, dup: true });
    expect(await changes.apply({ ...gone, dedupe: undefined })).toMatchObject({
      error: { code: 'not_found' },
    });
    expect(await read()).toMatchObject([
      { deleted: true },
      { event: 'edited' },
      { event: 'deleted', ref: 1, by: ANN },
    ]);
  });

  it('is not answered with what the same id did to another message', async () => {
    const { open, store, read } = await stage();
    const changes = open();
    granted(await store.logs.append(room, { ...draftOf(room, 'mine'), dedupe }));
    const another = { ...dedupe, content: 'another' };
    const refused = { error: { code: 'bad_request' } };
    for (const decide of [
      edit({ roomid, by: BOB, own: true, text: 'x' }),
      deletion({ roomid, by: BOB, own: true }),
    ]) {
      expect(await changes.apply({ room, seq: 1, decide, dedupe: another })).toMatchObject(refused);
      expect(await changes.apply({ room, seq: 9, decide, dedupe: another })).toMatchObject(refused);
    }
    expect(await read()).toHaveLength(2);
  });

  it('empties the edits before it, and repeats what they replaced', async () => {
    const { open, read } = await stage();
    const changes = open();
    const by = { roomid, by: ANN, own: true };
    const make = (decide: ReturnType<typeof edit>) => changes.apply({ room, seq: 1, decide });
    granted(await make(edit({ ...by, text: 'secret one', clientMsgId: 'c' })));
    granted(await make(edit({ ...by, data: '{"a":"secret data"}' })));
    granted(await make(reaction({ ...by, reaction: '+1', on: true })));
    expect(await read()).toMatchObject([
      { data: { text: 'secret one', data: { a: 'secret data' } }, edited: { seq: 3 } },
      { event: 'edited', clientMsgId: 'c', ref: 1, data: {}, by: ANN },
      { event: 'edited', ref: 1, data: { text: 'secret one', data: { a: 'secret data' } } },
      { event: 'reacted' },
    ]);
    expect((await read())[1]).toHaveProperty('data', {});
    granted(await make(edit({ ...by, text: 'secret two' })));
    granted(await make(deletion(by)));
    const entries = await read();
    expect(JSON.stringify(entries)).not.toContain('secret');
    expect(entries.map(({ event }) => event)).toEqual([
      'broadcast_say',
      'edited',
      'edited',
      'reacted',
      'edited',
      'deleted',
    ]);
  });

  it('tells its caller of an author whom the store refuses, and not of a message of somebody else', async () => {
    const { open, store } = await stage();
    let told = 0;
    const changing = { room, seq: 1, author: 'bob', onRestricted: () => (told += 1) };
    const mine = edit({ roomid, by: BOB, own: true, text: 'x' });
    const refused = { error: { code: 'forbidden' } };
    expect(await open().apply({ ...changing, decide: mine })).toMatchObject(refused);
    expect(told).toBe(0);
    const changes = createMessageChanges({
      logs: { ...store.logs, amend: async () => refuse('forbidden', 'muted') },
      feeds: { expectEcho: () => undefined },
      newId: () => 'x',
    });
    const decide = reaction({ roomid, by: BOB, reaction: '+1', on: true });
    expect(await changes.apply({ ...changing, decide })).toMatchObject(refused);
    expect(told).toBe(1);
  });

  it('tells its caller how much the store wrote again, once', async () => {
    const { open, read } = await stage();
    const written: number[] = [];
    const decide = edit({ roomid, by: ANN, own: true, text: 'hi', clientMsgId: 'm' });
    const change = { room, seq: 1, decide, dedupe, onRewritten: (bytes: number) => void written.push(bytes) };
    for (let n = 0; n < 2; n += 1) granted(await open().apply(change));
    expect(written).toHaveLength(1);
    const [message] = await read();
    const { seq, epoch, id, at, revision, edited, ...members } = message as ChatMessage;
    expect(written[0]).toBe(Buffer.byteLength(JSON.stringify(members)) - 2);
  });

  it('counts as written again only what stands beside the message, if that is all', async () => {
    const { open, message } = await stage();
    const written: number[] = [];
    const decide = reaction({ roomid, by: BOB, reaction: '+1', on: true });
    granted(await open().apply({ room, seq: 1, decide, onRewritten: (bytes) => void written.push(bytes) }));
    const { reactions } = await message();
    expect(written).toEqual([Buffer.byteLength(JSON.stringify({ reactions })) - 2]);
  });

  it('by many at once on two workers is lost by none', async () => {
    const { open, read, message } = await stage();
    const workers = [open(), open()];
    const users = Array.from({ length: 40 }, (_, index) => `user ${index}`);
    const all = await Promise.all(
      users.map((userId, index) => {
        const decide = reaction({ roomid, by: { userId, username: userId }, reaction: '👍', on: true });
        return (workers[index % 2] as (typeof workers)[0]).apply({ room, seq: 1, decide });
      }),
    );
    expect(all.filter(({ ok }) => !ok)).toEqual([]);
    const { reactions } = await message();
    expect(reactions).toMatchObject([{ count: 40 }]);
    const [first, ...rest] = await read();
    const said = { ...(first as ChatMessage) };
    for (const name of ['reactions', 'revision'] as const) delete said[name];
    expect(foldEntries([said, ...rest])[0]).toEqual(await message());
  });
});

it('a reaction or an answer writes no text again, also to a message whose reactions an earlier release stored in it', async () => {
  const { open, store, message } = await stage();
  const amend = vi.spyOn(store.logs, 'amend');
  const changes = open();
  const react = (userId: string) =>
    changes.apply({
      room,
      seq: 1,
      decide: reaction({ roomid, by: { userId, username: userId }, reaction: '👍', on: true }),
    });
  const { event, data } = await message();
  const reactions = [{ reaction: '👍', count: 1, users: ['eve'] }];
  const earlier = JSON.stringify({ event, roomid, data, reactions, replies: 2 }).slice(1, -1);
  granted(await store.logs.replace(room, 1, earlier));
  granted(await react('ann'));
  granted(await react('bob'));
  expect((await message()).reactions).toEqual([{ reaction: '👍', count: 3, users: ['eve', 'ann', 'bob'] }]);
  expect((await message()).replies).toBe(2);
  const written = amend.mock.calls.map(([, { members }]) => members);
  expect(written).toEqual([JSON.stringify({ event, roomid, data }).slice(1, -1), undefined]);
});

describe('a reaction', () => {
  const user = (userId: string, chosen: string, on = true) =>
    ({
      room,
      seq: 1,
      decide: reaction({ roomid, by: { userId, username: userId }, reaction: chosen, on }),
    }) as const;

  it('counts once per user, and stores nothing when it is there or gone already', async () => {
    const { open, read, message } = await stage();
    const changes = open();
    const users = Array.from({ length: 14 }, (_, index) => `user ${index}`);
    for (const userId of users) granted(await changes.apply(user(userId, '👍')));
    for (const userId of users) {
      expect(granted(await changes.apply(user(userId, '👍')))).toMatchObject({ seq: 1, dup: true });
    }
    expect(granted(await changes.apply(user('bob', '👍', false)))).toMatchObject({ dup: true });
    expect((await message()).reactions).toEqual([{ reaction: '👍', count: 14, users: users.slice(0, 10) }]);
    for (const userId of ['user 12', 'user 2']) granted(await changes.apply(user(userId, '👍', false)));
    for (const userId of ['user 12', 'user 2']) {
      expect(granted(await changes.apply(user(userId, '👍', false)))).toMatchObject({ dup: true });
    }
    expect((await message()).reactions).toMatchObject([{ count: 12 }]);
    expect(await read()).toHaveLength(1 + 14 + 2);
    for (const userId of users.filter((id) => id !== 'user 12' && id !== 'user 2')) {
      granted(await changes.apply(user(userId, '👍', false)));
    }
    expect(await message()).not.toHaveProperty('reactions');
  });

  it('is one of at most 32 different ones, and of at most 1,000 of all users together', async () => {
    const { open, store } = await stage();
    const changes = open();
    for (let n = 0; n < MAX_REACTIONS; n += 1) granted(await changes.apply(user('ann', `:${n}:`)));
    expect(await changes.apply(user('ann', ':more:'))).toMatchObject({ error: { code: 'limit' } });
    granted(await changes.apply(user('bob', ':0:')));
    granted(await changes.apply(user('ann', ':5:', false)));
    granted(await changes.apply(user('ann', ':more:')));
    // A few who choose many reactions keep nobody else from one.
    for (let n = 0; n < 8; n += 1)
      for (let chosen = 0; chosen < 5; chosen += 1) granted(await changes.apply(user(`${n}`, `:${chosen}:`)));
    granted(await changes.apply(user('dan', ':0:')));
    const page = granted(await store.logs.read(room, { limit: 1, after: 0, maxBytes: 1 }));
    const stored = JSON.parse(page.entries[0]?.json ?? '') as ChatMessage;
    const crowd = { reaction: ':0:', count: MAX_REACTIONS_TOGETHER, users: [] };
    const { event, data } = stored;
    const full = JSON.stringify({ event, roomid, data, reactions: [crowd] }).slice(1, -1);
    granted(await store.logs.replace(room, 1, full));
    expect(await changes.apply(user('carol', ':0:'))).toMatchObject({ error: { code: 'limit' } });
  });
});

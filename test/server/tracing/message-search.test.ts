import { describe, expect, it } from 'vitest';
import { createDirectMessages } from '../../../src/chat/inbox/direct-messages.ts';
import { inboxOf, type Room, roomOf } from '../../../src/chat/room.ts';
import type { TraceQuery } from '../../../src/message-trace.ts';
import { succeed } from '../../../src/protocol/codes.ts';
import { createMessageSearch, type MessageSearchDeps } from '../../../src/server/tracing/message-search.ts';
import { createMemoryStore } from '../../support/memory-store.ts';
import { partOf } from '../../support/part-of.ts';

const TEA = roomOf('/', 'tea');

function setUp() {
  const store = createMemoryStore();
  const { logs, inboxes, moderation, roster } = store;
  const find = createMessageSearch({
    logs,
    inboxes,
    moderation,
    roster: partOf<MessageSearchDeps['roster']>({
      connections: roster.connections,
      isOnlineIn: async () => succeed(false),
      rooms: async () => succeed({ rooms: [{ ...TEA, users: 1, clients: 1 }] }),
    }),
    roomSubscriptions: partOf<MessageSearchDeps['roomSubscriptions']>({ list: async () => succeed([]) }),
    namespaces: ['/'],
    now: () => 0,
  });
  return {
    store,
    async say(room: Room, clientMsgId: string) {
      const members = JSON.stringify({ event: 'broadcast_say', clientMsgId, data: { userId: 'ann' } });
      const dedupe = { scope: 'user ann', clientMsgId };
      await logs.append(room, { id: `id of ${clientMsgId}`, members: members.slice(1, -1), dedupe });
    },
    async ask(query: TraceQuery) {
      const found = await find(query);
      if (!found.ok) throw new Error(found.error.message);
      return found.value;
    },
  };
}

it('the user in question is named as banned from everything, and with revoked tokens', async () => {
  const { store, say, ask } = setUp();
  await say(TEA, 'a');
  const userOf = async (userId: string) =>
    (await ask({ roomid: 'tea', seq: 1, userId })).messages.map(({ user }) => user);
  const inbox = inboxOf('/', 'eve');
  await store.moderation.restrict(inbox, 'eve', 'ban');
  await store.moderation.revoke(inbox, { before: 5_000 }, 0);
  const room = { connections: 0, inRoom: false, banned: false, muted: false };
  expect(await userOf('eve')).toEqual([
    { userId: 'eve', bannedEverywhere: true, revokedBefore: 5_000, ...room },
  ]);
  expect(await userOf('bob')).toEqual([{ userId: 'bob', ...room }]);
});

describe('a place in a log', () => {
  it('is not in a log that ends before it, whose range is the true one', async () => {
    const { store, say, ask } = setUp();
    for (const id of ['a', 'b', 'c']) await say(TEA, id);
    store.trim(TEA, 1);
    expect((await ask({ roomid: 'tea', seq: 9 })).messages).toMatchObject([
      { state: 'never', first: 2, top: 3 },
    ]);
    store.trim(TEA, 3);
    expect((await ask({ roomid: 'tea', seq: 2 })).messages).toMatchObject([
      { state: 'trimmed', first: 4, top: 3 },
    ]);
  });

  it('is in no log of a room that nobody has used, and begins none', async () => {
    const { store, ask } = setUp();
    expect((await ask({ roomid: 'tea', seq: 1 })).messages).toMatchObject([{ state: 'never', top: 0 }]);
    expect(await store.logs.tops([TEA])).toEqual(succeed([{ top: 0 }]));
  });
});

describe('the clientMsgId of a message', () => {
  it('that was deleted is in the records only, which the search needs the author for', async () => {
    const { store, say, ask } = setUp();
    await say(TEA, 'a');
    await store.logs.replace(TEA, 1, '"event":"broadcast_say","deleted":true');
    expect(await ask({ id: 'a', roomid: 'tea' })).toEqual({
      nsp: '/',
      messages: [],
      searched: { logs: 1, everyLog: true, records: false },
    });
    expect(await ask({ id: 'a', roomid: 'tea', userId: 'ann' })).toMatchObject({
      messages: [{ state: 'deleted', seq: 1, clientMsgId: 'a', author: 'ann' }],
      searched: { everyLog: true, records: true },
    });
  });

  it('to a user is found with its sender and receiver', async () => {
    const { store, ask } = setUp();
    const { sendPrivate, sendTodo } = createDirectMessages({
      logs: store.logs,
      roster: store.roster,
      todoLive: 'all',
      newId: () => 'its id',
      onAppended: () => undefined,
    });
    const message = { nsp: '/', from: { id: 'ann', name: 'Ann' }, to: 'bob', scope: 'user ann' };
    const sender = { socketId: 's', rooms: [] };
    await sendPrivate({ ...message, clientMsgId: 'p' }, 'psst', sender);
    await sendTodo({ ...message, clientMsgId: 't' }, '{}', sender);
    for (const [id, seq] of [
      ['p', 1],
      ['t', 2],
    ] as const) {
      expect(await ask({ id, userId: 'ann', receiverId: 'bob' })).toMatchObject({
        messages: [{ kind: 'inbox', roomid: 'bob', seq, clientMsgId: id, author: 'ann' }],
        searched: { everyLog: true },
      });
      expect((await ask({ id, userId: 'eve', receiverId: 'bob' })).messages).toEqual([]);
    }
  });
});

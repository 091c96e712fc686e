import { describe, expect, it } from 'vitest';
import { createDirectMessages, type TodoLive } from '../../../src/chat/inbox/direct-messages.ts';
import { parseItem, toItem } from '../../../src/chat/inbox/items.ts';
import { inboxOf, type Room, roomOf } from '../../../src/chat/room.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const ann = { id: 'ann', name: 'Ann' };
const tea = roomOf('/', 'tea');
const sender = { socketId: 'socket-1', rooms: [roomOf('/', 'hall'), tea] };
const letter = { nsp: '/', from: ann, to: 'bob', scope: 'user ann' };

function setUp(todoLive: TodoLive = 'all') {
  const store = createMemoryStore();
  let made = 0;
  const appended: string[] = [];
  const post = createDirectMessages({
    ...store,
    todoLive,
    newId: () => `m${++made}`,
    onAppended: (_nsp, userId, { seq }) => appended.push(`${userId} ${seq}`),
  });
  const inbox = (userId: string) => store.entries(inboxOf('/', userId));
  return { store, post, inbox, appended };
}

describe('a private message', () => {
  it('is stored with the receiver and, for their other connections, with the sender, under one id', async () => {
    const { store, post, inbox, appended } = setUp();
    store.connected.set(inboxOf('/', 'bob').tag, 3);
    store.members.set(tea.tag, new Set(['bob']));
    expect(await post.sendPrivate(letter, 'hi', sender)).toEqual({
      ok: true,
      value: { id: 'm1', seq: 1, at: expect.any(Number), live: 3 },
    });
    const [theirs, own] = [inbox('bob'), inbox('ann')].map(([entry]) => entry);
    expect(theirs && parseItem(theirs)).toMatchObject({
      id: 'm1',
      kind: 'private',
      from: ann,
      data: { to: 'bob', text: 'hi' },
    });
    expect(theirs?.except).toBeUndefined();
    const copy = own && parseItem(own);
    expect(copy).toMatchObject({ receiverSeq: 1, receiverEpoch: theirs?.epoch });
    expect(copy && toItem(copy)).toEqual({
      id: 'm1',
      seq: 1,
      at: expect.any(Number),
      kind: 'private',
      from: ann,
      data: { to: 'bob', text: 'hi' },
    });
    expect(own?.except).toBe('socket-1');
    expect(appended).toEqual(['bob 1', 'ann 1']);
  });

  it('is answered the same to a stranger whoever the receiver is: neither position nor connections are told', async () => {
    const { store, post, inbox } = setUp();
    store.connected.set(inboxOf('/', 'bob').tag, 3);
    const send = async (to: string, rooms: readonly Room[]) => {
      const posted = await post.sendPrivate({ ...letter, to }, 'there?', { socketId: 'socket-1', rooms });
      return posted.ok && posted.value;
    };
    const blank = (id: string) => ({ id, seq: 0, at: expect.any(Number), live: 0 });
    expect(await send('bob', [tea])).toEqual(blank('m1'));
    expect(await send('nobody', [tea])).toEqual(blank('m2'));
    store.members.set(tea.tag, new Set(['bob']));
    expect(await send('bob', [])).toEqual(blank('m3'));
    expect(await send('bob', [roomOf('/', 'hall'), roomOf('/post', 'tea')])).toEqual(blank('m4'));
    expect(await send('bob', [tea])).toEqual({ id: 'm5', seq: 4, at: expect.any(Number), live: 3 });
    store.fail((what) => what === 'isInAny');
    expect(await send('bob', [tea])).toEqual(blank('m6'));
    const copies = inbox('ann').map((entry) => parseItem(entry).receiverSeq);
    expect(copies).toEqual([1, 1, 2, 3, 4, 5]);
  });

  it('is stored once however often it is sent under one clientMsgId', async () => {
    const { post, inbox } = setUp();
    const again = { ...letter, clientMsgId: 'c1' };
    const first = await post.sendPrivate(again, 'hi', sender);
    const second = await post.sendPrivate(again, 'hi', sender);
    expect(second).toEqual(first.ok && { ok: true, value: { ...first.value, dup: true } });
    expect([inbox('bob').length, inbox('ann').length]).toEqual([1, 1]);
  });

  it('under the same id from another user is another message, and with another text is refused', async () => {
    const { post, inbox } = setUp();
    const known = { ...letter, clientMsgId: 'c1' };
    await post.sendPrivate(known, 'hi', sender);
    const refused = {
      ok: false,
      error: { code: 'bad_request', message: expect.stringMatching(/^clientMsgId: /) },
    };
    expect(await post.sendPrivate(known, 'ho', sender)).toMatchObject(refused);
    const carl = { ...known, from: { id: 'carl', name: 'Carl' }, scope: 'user carl' };
    expect(await post.sendPrivate(carl, 'ho', sender)).toMatchObject({ ok: true, value: { id: 'm3' } });
    expect(inbox('bob').map(({ seq }) => seq)).toEqual([1, 2]);
    await post.sendTodo(known, '{"receiver_id":"bob","n":1}', sender);
    expect(await post.sendTodo(known, '{"receiver_id":"bob","n":2}', sender)).toMatchObject(refused);
    expect(inbox('bob').map((entry) => parseItem(entry).kind)).toEqual(['private', 'private', 'todo']);
  });

  it('is completed by trying again when the store failed between receiver and sender', async () => {
    const { store, post, inbox } = setUp();
    const again = { ...letter, clientMsgId: 'c1' };
    store.fail((what, room) => what === 'append' && room?.roomid === 'ann');
    expect(await post.sendPrivate(again, 'hi', sender)).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    });
    store.fail(() => false);
    expect(await post.sendPrivate(again, 'hi', sender)).toMatchObject({ ok: true, value: { dup: true } });
    expect([inbox('bob').length, inbox('ann').length]).toEqual([1, 1]);
  });

  it('is acknowledged without a clientMsgId once the receiver has it: a second try would be a second message', async () => {
    const { store, post, inbox } = setUp();
    store.fail((what, room) => what === 'append' && room?.roomid === 'ann');
    expect(await post.sendPrivate(letter, 'hi', sender)).toMatchObject({ ok: true });
    expect(inbox('bob')).toHaveLength(1);
  });

  it('is refused when it could not be stored', async () => {
    const { store, post } = setUp();
    store.fail((what) => what === 'append');
    expect(await post.sendPrivate(letter, 'hi', sender)).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    });
  });

  it('to oneself is stored once and counts the other connections', async () => {
    const { store, post, inbox } = setUp();
    store.connected.set(inboxOf('/', 'ann').tag, 2);
    const posted = await post.sendPrivate({ ...letter, to: 'ann' }, 'note', sender);
    expect(posted).toMatchObject({ ok: true, value: { live: 1 } });
    expect(inbox('ann')).toMatchObject([{ except: 'socket-1' }]);
  });

  it('under the clientMsgId of a message in the other direction is another message', async () => {
    const { post, inbox } = setUp();
    await post.sendPrivate({ ...letter, clientMsgId: 'c1' }, 'hi', sender);
    const back = { ...letter, from: { id: 'bob', name: 'Bob' }, to: 'ann', scope: 'user bob' };
    await post.sendPrivate({ ...back, clientMsgId: 'c1' }, 'ho', sender);
    expect([inbox('bob').length, inbox('ann').length]).toEqual([2, 2]);
  });
});

describe('one clientMsgId', () => {
  it('sent to two people is two messages, for the sender’s other connections too', async () => {
    const { post, inbox } = setUp();
    await post.sendPrivate({ ...letter, clientMsgId: 'c1' }, 'to bob', sender);
    expect(
      await post.sendPrivate({ ...letter, to: 'carl', clientMsgId: 'c1' }, 'to carl', sender),
    ).not.toMatchObject({
      value: { dup: true },
    });
    expect([inbox('bob').length, inbox('carl').length, inbox('ann').length]).toEqual([1, 1, 2]);
  });

  it('of a message and of a todo are two things', async () => {
    const { post, inbox } = setUp();
    await post.sendPrivate({ ...letter, clientMsgId: 'c1' }, 'hi', sender);
    await post.sendTodo({ ...letter, clientMsgId: 'c1' }, '{"receiver_id":"bob"}', sender);
    expect(inbox('bob')).toHaveLength(2);
  });
});

describe('a todo', () => {
  it('is stored whole with its receiver only', async () => {
    const { post, inbox } = setUp();
    const todo = { receiver_id: 'bob', deep: [{ 'a"b': null }], text: 'ü\u2028' };
    expect(await post.sendTodo(letter, JSON.stringify(todo), sender)).toMatchObject({
      ok: true,
      value: { seq: 1, live: 0 },
    });
    const [entry] = inbox('bob');
    expect(entry && parseItem(entry)).toMatchObject({ kind: 'todo', from: ann, data: todo });
    expect(inbox('ann')).toEqual([]);
  });

  it('tells everybody its position and the receiver’s connections, or with TODO_LIVE=rooms nothing to strangers', async () => {
    for (const [todoLive, seq, live] of [
      ['all', 1, 3],
      ['rooms', 0, 0],
    ] as const) {
      const { store, post } = setUp(todoLive);
      store.connected.set(inboxOf('/', 'bob').tag, 3);
      expect(await post.sendTodo(letter, '{}', sender)).toMatchObject({ value: { seq, live } });
      store.members.set(tea.tag, new Set(['bob']));
      expect(await post.sendTodo(letter, '{}', sender)).toMatchObject({ value: { seq: 2, live: 3 } });
      expect(await post.sendTodo({ ...letter, to: 'ann' }, '{}', sender)).toMatchObject({
        value: { seq: 1 },
      });
    }
  });
});

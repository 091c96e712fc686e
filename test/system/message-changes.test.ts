import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, fold } from '../../src/client/index.ts';
import { foldEntries } from '../../src/protocol/folding.ts';
import type { ChatMessage, RoomEntry } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { enter, type Member } from '../support/member.ts';
import { MODES, type System, startSystem } from '../support/system.ts';

const entriesOf = ({ heard }: Member) =>
  heard.flatMap(({ event, data }) =>
    event === 'message' && 'seq' in (data as object) ? [data as RoomEntry] : [],
  );

const refused = (code: string) => ({ ok: false, error: { code } });

describe.each(MODES)('messages that change, in %s mode', (mode) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem(mode, {}, { workersEach: 1 });
  });
  afterAll(() => system?.stop());

  const place = (index: number) => system.workerUrls[index % system.workerUrls.length] as string;

  async function call(method: string, path: string, body: object) {
    const answer = await fetch(`${place(0)}/api/v1/rooms/${path}`, {
      method,
      headers: { ...system.keyHeader, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  }

  it('reach an SDK from before as deletions of their own entries: live, at a return, and in pages', async () => {
    const room = `older-${mode}`;
    const older = { auth: { userId: 'old', connectId: 'tab' } };
    const ann = await enter(place(0), room, 'Ann', { auth: { userId: 'ann' } });
    const old = await enter(place(1), room, 'Old', older);
    await ann.do('say', { text: 'helo' });
    await ann.do('edit', { seq: 1, text: 'hello' });
    await ann.do('react', { seq: 1, reaction: '👍' });
    await ann.do('say', { text: 'bye', replyTo: 1 });
    const known = [
      { event: 'broadcast_say', seq: 1 },
      { event: 'deleted', seq: 2, ref: 2, epoch: old.joined.epoch, roomid: room },
      { event: 'deleted', seq: 3, ref: 3 },
      { event: 'broadcast_say', seq: 4, replyTo: 1 },
    ];
    await eventually(() => expect(entriesOf(old)).toMatchObject(known));
    await eventually(() => expect(entriesOf(ann)).toHaveLength(4));
    expect(entriesOf(ann)).toMatchObject([{}, { event: 'edited', ref: 1 }, { event: 'reacted', ref: 1 }, {}]);
    const joinsLater = { ...older, auth: { ...older.auth, connectId: 'other' } };
    const fresh = await enter(place(0), room, 'Old', joinsLater);
    expect(fresh.joined.messages).toMatchObject([{ seq: 1, data: { text: 'hello' } }, ...known.slice(1)]);
    const page = await fresh.do('room:history', {});
    expect(page.messages).toMatchObject(fresh.joined.messages);
    const resume = { epoch: old.joined.epoch, seq: 1 };
    expect(await old.do('join', { roomid: room, resume })).toMatchObject({
      recovered: true,
      messages: known.slice(1),
    });
    for (const member of [ann, old, fresh]) member.close();
  });

  it('are deleted by the SDK as often as it asks, with one entry', async () => {
    const chat = createClient(place(0), { userId: 'ann', username: 'Ann' });
    try {
      const room = await chat.join(`repeated-${mode}`);
      const { seq } = await room.say('', { data: { n: 1 } });
      const first = await room.delete(seq);
      expect(await room.delete(seq)).toEqual({ ...first, dup: true });
      expect((await room.history()).messages.map(({ event }) => event)).toEqual(['broadcast_say', 'deleted']);
    } finally {
      chat.close();
    }
  });

  it('are the same for members, who comes back, who joins later, and who reads pages', async () => {
    const room = `living-${mode}`;
    const ann = await enter(place(0), room, 'Ann', { auth: { userId: 'ann' } });
    const bob = await enter(place(1), room, 'Bob', { auth: { userId: 'bob' } });
    const first = await ann.do('say', {
      text: 'helo',
      data: { card: [1, { deep: null }] },
      mentions: ['bob', 'bob', 'carol'],
    });
    await bob.do('say', { text: 'hi', replyTo: 1, clientMsgId: 'answer' });
    await ann.do('say', { data: 'only data' });
    const away = await enter(place(1), room, 'Carol', { auth: { userId: 'carol' } });
    const seen = { epoch: away.joined.epoch, seq: away.joined.seq };
    away.close();

    const edit = { seq: 1, text: 'hello', clientMsgId: 'e' };
    const edited = await ann.do('edit', edit);
    expect(edited).toMatchObject({ roomid: room, epoch: first.epoch, seq: 4 });
    expect(await ann.do('edit', edit)).toEqual({ ...edited, dup: true });
    expect(await ann.ask('edit', { ...edit, text: 'other' })).toMatchObject(refused('bad_request'));
    expect(await bob.ask('edit', { seq: 1, text: 'mine' })).toMatchObject(refused('forbidden'));
    expect(await bob.ask('delete', { seq: 1 })).toMatchObject(refused('forbidden'));
    await bob.do('react', { seq: 1, reaction: '👍' });
    expect(await bob.do('react', { seq: 1, reaction: '👍' })).toMatchObject({ seq: 1, dup: true });
    await ann.do('react', { seq: 1, reaction: '👍' });
    await ann.do('react', { seq: 1, reaction: '👍', on: false });
    expect(await ann.do('delete', { seq: 3 })).toMatchObject({ seq: 8 });
    for (const seq of [3, 4, 99]) {
      expect(await ann.ask('edit', { seq, text: 'x' })).toMatchObject(refused('not_found'));
      expect(await ann.ask('delete', { seq })).toMatchObject(refused('not_found'));
      expect(await ann.ask('react', { seq, reaction: 'x' })).toMatchObject(refused('not_found'));
      expect(await ann.ask('say', { text: 'x', replyTo: seq })).toMatchObject(refused('not_found'));
    }
    for (const payload of [{}, { text: '' }, { data: null }]) {
      expect(await ann.ask('say', payload)).toMatchObject(refused('bad_request'));
    }
    expect(
      await ann.ask('say', { text: 'x', mentions: Array.from({ length: 21 }, (_, n) => `u${n}`) }),
    ).toMatchObject(refused('bad_request'));
    expect(await ann.ask('say', { data: 'x'.repeat(4 * 8_192) })).toMatchObject(refused('too_large'));
    expect(await ann.ask('react', { seq: 1, reaction: 'x'.repeat(33) })).toMatchObject(
      refused('bad_request'),
    );

    const expected = [
      {
        seq: 1,
        data: { userId: 'ann', text: 'hello', data: { card: [1, { deep: null }] } },
        mentions: ['bob', 'carol'],
        edited: { at: edited.at, seq: 4 },
        reactions: [{ reaction: '👍', count: 1, users: ['bob'] }],
        replies: 1,
        revision: 7,
      },
      { seq: 2, replyTo: 1, clientMsgId: 'answer', data: { text: 'hi' } },
      { seq: 3, deleted: true, data: { text: '' } },
      {
        seq: 4,
        event: 'edited',
        ref: 1,
        clientMsgId: 'e',
        data: { text: 'hello' },
        by: { userId: 'ann', username: 'Ann' },
      },
      {
        seq: 5,
        event: 'reacted',
        ref: 1,
        data: { reaction: '👍', on: true },
        by: { userId: 'bob', username: 'Bob' },
      },
      { seq: 6, event: 'reacted', by: { userId: 'ann' } },
      { seq: 7, event: 'reacted', data: { reaction: '👍', on: false } },
      { seq: 8, event: 'deleted', ref: 3, by: { userId: 'ann', username: 'Ann' } },
    ];
    const { messages } = await bob.do('room:history');
    expect(messages).toMatchObject(expected);
    for (const member of [ann, bob]) {
      await eventually(() => expect(foldEntries(entriesOf(member))).toEqual(messages));
    }
    const later = await enter(place(1), room, 'Dave');
    expect(later.joined.messages).toEqual(messages);
    const back = await enter(place(0), room, 'Carol', { auth: { userId: 'carol', resume: seen } });
    expect(back.joined).toMatchObject({ recovered: true });
    expect(back.joined.messages).toEqual(messages.slice(3));
    const read = await fetch(`${place(1)}/api/v1/rooms/${room}/messages`, { headers: system.keyHeader });
    expect(((await read.json()) as { messages: unknown }).messages).toEqual(messages);
    for (const member of [ann, bob, later, back]) member.close();
  });

  it('count as unread once, however often they change', async () => {
    const room = `unread-${mode}`;
    const ann = await enter(place(0), room, 'Ann', { auth: { userId: 'ann' } });
    const bob = await enter(place(1), room, 'Bob', { auth: { userId: 'bob' } });
    for (const text of ['one', 'two', 'three']) await ann.do('say', { text });
    await ann.do('edit', { seq: 1, text: 'ONE' });
    await ann.do('react', { seq: 2, reaction: '!' });
    await ann.do('say', { text: 'four', replyTo: 1 });
    await ann.do('delete', { seq: 3 });
    const mine = async () => (await bob.do('rooms:mine')).rooms.find(({ roomid }) => roomid === room);
    expect(await mine()).toMatchObject({ top: 7, unread: 3 });
    for (const member of [ann, bob]) member.close();
  });

  it('are changed by back ends too, and a muted user changes none', async () => {
    const room = `back-end-${mode}`;
    const ann = await enter(place(1), room, 'Ann', { auth: { userId: 'ann' } });
    expect(await call('POST', `${room}/messages`, { data: { id: 7 } })).toMatchObject({
      status: 200,
      json: { seq: 1 },
    });
    expect(await call('PATCH', `${room}/messages/1`, { text: 'seven', clientMsgId: 'x' })).toMatchObject({
      json: { seq: 2 },
    });
    expect(await call('PATCH', `${room}/messages/1`, { text: 'seven', clientMsgId: 'x' })).toMatchObject({
      json: { seq: 2, dup: true },
    });
    const thumb = { reaction: '👍', from: { userId: 'bob' } };
    expect(await call('POST', `${room}/messages/1/reactions`, thumb)).toMatchObject({ json: { seq: 3 } });
    expect(await call('POST', `${room}/messages/1/reactions`, thumb)).toMatchObject({ json: { dup: true } });
    expect(await call('POST', `${room}/messages`, { text: 'yes', replyTo: 1 })).toMatchObject({
      json: { seq: 4 },
    });
    expect(await call('PATCH', `${room}/messages/9`, { text: 'x' })).toMatchObject({ status: 404 });
    await eventually(() =>
      expect(foldEntries(entriesOf(ann))[0]).toMatchObject({
        data: { userId: 'roomcast', text: 'seven', data: { id: 7 } },
        edited: { seq: 2 },
        reactions: [{ reaction: '👍', count: 1, users: ['bob'] }],
        replies: 1,
      }),
    );
    await ann.do('say', { text: 'mine' });
    expect(await call('POST', `${room}/mute`, { userId: 'ann' })).toMatchObject({ status: 200 });
    expect(await ann.ask('edit', { seq: 5, text: 'x' })).toMatchObject(refused('forbidden'));
    expect(await ann.ask('react', { seq: 5, reaction: 'x' })).toMatchObject(refused('forbidden'));
    expect(await ann.ask('delete', { seq: 5 })).toMatchObject({ ok: true });
    ann.close();
  });

  it('reach an application through the SDK in the order of the room', async () => {
    const room = `sdk-${mode}`;
    const chat = createClient(place(0), {
      userId: 'ann',
      username: 'Ann',
      transports: ['websocket'],
    } as never);
    const other = createClient(place(1), {
      userId: 'bob',
      username: 'Bob',
      transports: ['websocket'],
    } as never);
    try {
      const [mine, theirs] = [await chat.join(room), await other.join(room)];
      const state = new Map<number, ChatMessage>();
      theirs.on('message', (message) => void state.set(message.seq, message));
      const apply = (entry: RoomEntry) => {
        for (const [seq, message] of state) state.set(seq, fold(message, entry));
      };
      theirs.on('message', apply);
      theirs.on('edited', apply);
      theirs.on('deleted', apply);
      theirs.on('reacted', apply);
      const { seq } = await mine.say('', { data: { a: 1 }, mentions: ['bob'] });
      await mine.say('answer', { replyTo: seq });
      await mine.edit(seq, { text: 'text' });
      await theirs.react(seq, '👍');
      await mine.say('gone');
      await mine.delete(5);
      await expect(theirs.edit(seq, { text: 'x' })).rejects.toMatchObject({ code: 'forbidden' });
      await eventually(() => expect(state.get(5)).toMatchObject({ deleted: true }));
      // The SDK marks a reader's own messages, so the page is read by whom the live entries reached.
      const { messages } = await theirs.history();
      expect([...state.values()]).toEqual(messages.filter(({ event }) => event === 'broadcast_say'));
      expect(state.get(seq)).toMatchObject({
        data: { text: 'text', data: { a: 1 } },
        replies: 1,
        reactions: [{ count: 1 }],
      });
    } finally {
      for (const client of [chat, other]) await client.close();
    }
  });
});

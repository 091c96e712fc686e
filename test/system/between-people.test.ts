import { describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import type { PrivateMessage, Receipt } from '../../src/protocol/people.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { HOOK_SECRET } from '../support/hook-receiver.ts';
import type { Member, MemberOptions } from '../support/member.ts';
import { storedRows } from '../support/stored-rows.ts';
import { MODES } from '../support/system.ts';
import { documentedTraces, leaveTraces, tracesOf } from './person-traces.ts';

/** Nobody takes the webhooks, so they wait. */
const HOOKS = { HOOK_URL: 'http://127.0.0.1:9/', HOOK_SECRET, HOOK_EVENTS: 'message,push.undelivered' };

describe.each(MODES)('between people, %s', (mode) => {
  const stage = systemFixture(mode, HOOKS, { workersEach: 1 });
  const { at, fresh } = stage;
  const device = (index: number, userId: string, options?: MemberOptions) =>
    stage.device(at(index), userId, options);

  function all<T>(member: Member, event: string): T[] {
    return member.heard.filter((one) => one.event === event).map(({ data }) => data as T);
  }

  it('a blocked user’s private messages and todos are refused, until every device is told otherwise', async () => {
    const [ann, bob, carol] = [fresh('Ann'), fresh('Bob'), fresh('Carol')];
    const [blocking, other, sender] = await Promise.all([device(0, ann), device(1, ann), device(1, bob)]);
    const refused = {
      ok: false,
      error: { code: 'forbidden', message: 'to: this user does not take it', temporary: false },
    };
    expect(await blocking.do('block', { userId: bob })).toEqual({ ok: true });
    expect(await other.do('blocks:list')).toEqual({ ok: true, users: [bob] });
    expect(await sender.ask('private', { to: ann, text: 'no' })).toEqual(refused);
    expect(await sender.ask('todo', { receiver_id: ann, what: 'no' })).toEqual(refused);
    expect((await sender.do('inbox:list')).items).toEqual([]);
    await sender.do('private', { to: carol, text: 'to another' });
    await blocking.do('private', { to: bob, text: 'the other way' });

    await other.do('block', { userId: bob, on: false });
    await sender.do('private', { to: ann, text: 'yes' });
    await eventually(() =>
      expect(all<PrivateMessage>(blocking, 'private').map(({ text }) => text)).toEqual(['yes']),
    );
    expect(await blocking.ask('block', { userId: ann })).toMatchObject({
      ok: false,
      error: { code: 'bad_request', message: 'userId: must be of somebody else' },
    });
  });

  it('a mention comes once to a member and to a person away who has joined the room, under the message’s id', async () => {
    const [ann, bob, carol, dave] = [fresh('Ann'), fresh('Bob'), fresh('Carol'), fresh('Dave')];
    const roomid = fresh('room');
    const [author, present, away] = await Promise.all([device(0, ann), device(1, bob), device(1, carol)]);
    for (const member of [author, present, away]) await member.do('join', { roomid });
    away.close();
    const chat = createClient(at(1), { userId: bob });
    const items: unknown[] = [];
    chat.on('item', (item) => items.push(item));
    const payload = { roomid, text: 'hi', mentions: [bob, carol, dave, ann], clientMsgId: 'c1' };
    const said = await author.do('say', payload);
    expect(await author.do('say', payload)).toMatchObject({ seq: said.seq, dup: true });
    const { id, epoch, seq } = said;
    const mention = { id, from: { id: ann, name: 'Ann' }, data: { roomid, epoch, seq } };
    await eventually(() => expect(all(present, 'mention')).toHaveLength(1));
    expect(all(present, 'mention')).toEqual([
      { ...mention, seq: 1, epoch: expect.any(String), at: expect.any(Number) },
    ]);
    const back = await device(0, carol);
    const listed = await back.do('inbox:list');
    expect(listed.items).toEqual([{ ...mention, kind: 'mention', seq: 1, at: expect.any(Number) }]);
    for (const userId of [ann, dave])
      expect((await (await device(1, userId)).do('inbox:list')).items).toEqual([]);

    await author.do('edit', { roomid, seq, text: 'hi all' });
    await author.do('delete', { roomid, seq });
    const page = await present.do('room:history', { roomid, after: seq - 1, limit: 1 });
    expect(page.messages).toMatchObject([{ seq, deleted: true }]);
    expect((await back.do('inbox:list')).items).toHaveLength(1);
    await eventually(() =>
      expect(items).toEqual([{ ...mention, kind: 'mention', seq: 1, at: expect.any(Number) }]),
    );
    chat.close();
  });

  it('a message that mentions somebody who has blocked its author is refused, one of a service is not', async () => {
    const [ann, bob, carol] = [fresh('Ann'), fresh('Bob'), fresh('Carol')];
    const roomid = fresh('room');
    const [author, blocking, other] = await Promise.all([device(0, ann), device(1, bob), device(2, carol)]);
    for (const member of [author, blocking, other]) await member.do('join', { roomid });
    await blocking.do('block', { userId: ann });
    const message = `mentions: not taken by ${bob}`;
    const refusal = { code: 'forbidden', message, temporary: false };
    const mentions = [carol, bob];
    const asked = { roomid, text: 'no', mentions };
    expect(await author.ask('say', asked)).toEqual({ ok: false, error: refusal });
    const post = async (body: object) => {
      const answer = await fetch(`${at(1)}/api/v1/rooms/${roomid}/messages`, {
        method: 'POST',
        headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
        body: JSON.stringify({ text: 'of a back end', mentions, ...body }),
      });
      return [answer.status, await answer.json()] as const;
    };
    expect(await post({ from: { userId: ann } })).toEqual([403, { error: refusal }]);
    const chat = createClient(at(0), { userId: ann });
    try {
      const room = await chat.join(roomid);
      await expect(room.say('no', { mentions })).rejects.toMatchObject({ code: 'forbidden', message });
      await room.say('bob, without a mention');
    } finally {
      chat.close();
    }
    expect((await post({ from: 'news' }))[0]).toBe(200);
    expect((await post({ from: { userId: carol } }))[0]).toBe(200);
    const page = await other.do('room:history', { roomid });
    expect(page.messages.map((one) => 'data' in one && one.data)).toMatchObject([
      { text: 'bob, without a mention' },
      { text: 'of a back end', username: 'news' },
      { text: 'of a back end', userId: carol },
    ]);
    for (const [member, count] of [
      [blocking, 2],
      [other, 1],
    ] as const)
      await eventually(() => expect(all(member, 'mention')).toHaveLength(count));
    await blocking.do('block', { userId: ann, on: false });
    await author.do('say', asked);
    await eventually(() => expect(all(other, 'mention')).toHaveLength(2));
  });

  it('receipts tell a sender’s devices what arrived and was read, live and later, and strangers nothing', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const roomid = fresh('room');
    const [sender, other, receiver] = await Promise.all([device(0, ann), device(1, ann), device(1, bob)]);
    const send = async (text: string) => (await sender.do('private', { to: bob, text })).id;
    const ids = [await send('one'), await send('two'), await send('three')];
    await receiver.do('inbox:ack', { recv: 1 });
    expect((await sender.do('receipts:list')).receipts).toEqual([]);
    for (const member of [sender, receiver]) await member.do('join', { roomid });
    await receiver.do('inbox:ack', { recv: 3 });
    await receiver.do('inbox:ack', { read: 2 });
    const delivered = { by: bob, delivered: ids[2] };
    // Those within one second come as one.
    const newest = (member: Member) => Object.assign({}, ...all<Receipt>(member, 'receipt')) as Receipt;
    for (const member of [sender, other])
      await eventually(() => expect(newest(member)).toEqual({ ...delivered, read: ids[1] }));
    const later = await device(1, ann);
    expect((await later.do('receipts:list')).receipts).toEqual([{ ...delivered, read: ids[1] }]);
    const chat = createClient(at(1), { userId: ann });
    expect(await chat.receipts()).toEqual([{ ...delivered, read: ids[1] }]);
    chat.close();

    await receiver.do('block', { userId: ann });
    await receiver.do('inbox:ack', { read: 3 });
    expect((await sender.do('receipts:list')).receipts).toEqual([]);
    await receiver.do('block', { userId: ann, on: false });
    const last = await send('four');
    await receiver.do('inbox:ack', { read: 4 });
    await eventually(() => expect(newest(sender)).toEqual({ by: bob, delivered: last, read: last }));
    expect(all<Receipt>(sender, 'receipt').map(({ read }) => read)).not.toContain(ids[2]);
    expect(all(receiver, 'receipt')).toEqual([]);
  });

  it('members of a room hear how far the others have read, also one who joins later, but nothing of guests', async () => {
    const [ann, bob, carol] = [fresh('Ann'), fresh('Bob'), fresh('Carol')];
    const roomid = fresh('room');
    const [author, reader] = await Promise.all([device(0, ann), device(1, bob)]);
    const guest = await stage.connect(at(0));
    for (const member of [author, reader, guest]) await member.do('join', { roomid });
    for (const text of ['one', 'two', 'three']) await author.do('say', { roomid, text });
    await guest.do('room:read', { roomid, seq: 3 });
    await reader.do('room:read', { roomid, seq: 2 });
    await reader.do('room:read', { roomid, seq: 3 });
    await reader.do('room:read', { roomid, seq: 1 });
    for (const member of [author, reader, guest])
      await eventually(() =>
        expect(all(member, 'reads')).toEqual(
          [2, 3].map((seq) => ({ roomid, marks: [{ userId: bob, seq }] })),
        ),
      );
    for (const index of [0, 1]) {
      const later = await device(index, carol);
      await later.do('join', { roomid });
      await eventually(() => expect(all(later, 'reads')).toHaveLength(1));
      const marks = [ann, bob].map((userId) => ({ userId, seq: 3 }));
      expect(all(later, 'reads')).toEqual([{ roomid, marks }]);
    }
    expect(all(author, 'reads')).toHaveLength(2);
    const chat = createClient(at(1), { userId: carol });
    const room = await chat.join(roomid);
    await eventually(() =>
      expect([...room.reads]).toEqual([
        [ann, 3],
        [bob, 3],
      ]),
    );
    chat.close();
  });

  it('mentions cost their author as many messages more', async () => {
    const [ann, roomid] = [fresh('Ann'), fresh('room')];
    const author = await device(0, ann);
    await author.do('join', { roomid });
    const mentions = Array.from({ length: 20 }, (_, n) => fresh(`u${n}`));
    const sent = await Promise.all(
      Array.from({ length: 10 }, () => author.ask('say', { roomid, text: 'hi', mentions })),
    );
    expect(sent[0]).toMatchObject({ ok: true });
    expect(sent.at(-1)).toMatchObject({
      ok: false,
      error: { code: 'rate_limited', message: 'too many mentions' },
    });
  });

  it('an SDK blocks users and lifts that', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const chats = [ann, bob].map((userId, index) => createClient(at(index), { userId }));
    const [chat, sender] = chats as [(typeof chats)[0], (typeof chats)[0]];
    try {
      await chat.blocks.add(bob);
      expect(await chat.blocks.list()).toEqual([bob]);
      await expect(sender.private(ann, 'no')).rejects.toMatchObject({ code: 'forbidden' });
      await chat.blocks.remove(bob);
      expect(await sender.private(ann, 'yes')).toMatchObject({ seq: 0, live: 0 });
    } finally {
      for (const one of chats) one.close();
    }
  });

  it('a back end exports what is stored about one of them, the same from every entrance', async () => {
    const [ann, bob, roomid] = [fresh('Ann'), fresh('Bob'), fresh('room')];
    const [author, other] = await Promise.all([device(0, ann), device(1, bob)]);
    for (const member of [author, other]) await member.do('join', { roomid });
    const said = await author.do('say', { roomid, text: 'hers' });
    await other.do('say', { roomid, text: 'his' });
    await author.do('react', { roomid, seq: 2, reaction: '👍' });
    const sent = await other.do('private', { to: ann, text: 'to her' });
    await author.do('inbox:ack', { read: 1 });
    await author.do('block', { userId: bob });
    const call = async (method: string, path: string, index = 0) =>
      fetch(`${at(index)}/api/v1/${path}`, {
        method,
        headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { body: JSON.stringify({ userId: ann }) }),
      });
    expect((await call('POST', `rooms/${roomid}/mute`)).status).toBe(200);
    expect((await call('POST', `users/${ann}/ban`)).status).toBe(200);

    const time = expect.any(Number);
    const position = { roomid, epoch: said.epoch, id: expect.any(String), at: time };
    const by = { userId: ann, username: 'Ann' };
    const message = { event: 'broadcast_say', ...position, seq: 1, data: { ...by, text: 'hers', type: 0 } };
    const reaction = {
      event: 'reacted',
      ...position,
      seq: 3,
      ref: 2,
      data: { reaction: '👍', on: true },
      by,
    };
    for (const index of [0, 1, 2]) {
      const answer = await call('GET', `users/${ann}/export`, index);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        'application/x-ndjson; charset=utf-8',
      ]);
      const lines = (await answer.text()).trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
        { type: 'header', userId: ann, ns: '/', at: time, lacks: expect.any(Array) },
        { type: 'exclusion', ban: {} },
        { type: 'inbox', recvSeq: 1, readSeq: 1 },
        { type: 'block', userId: bob },
        {
          type: 'item',
          item: {
            id: sent.id,
            seq: 1,
            at: time,
            kind: 'private',
            from: { id: bob, name: 'Bob' },
            data: { to: ann, text: 'to her' },
          },
          deliveredAt: time,
          readAt: time,
        },
        { type: 'room', roomid, readSeq: 1, mute: {} },
        { type: 'message', message },
        { type: 'message', message: reaction },
        { type: 'end', blocks: 1, items: 1, rooms: 1, messages: 2 },
      ]);
    }
  });

  it('nothing is left of an erased one but what the documents list; the export before had the rest', async () => {
    const unique = (name: string) => `${fresh(name)}~`;
    const person = { id: unique('Grace'), name: 'Amazing Hopper', said: unique('said'), own: unique('own') };
    const around = { other: unique('Bob'), room: fresh('room'), left: fresh('left') };
    await leaveTraces(stage, person, around);
    const about = (path: string, method = 'GET') =>
      fetch(`${at(1)}/api/v1/users/${person.id}${path}`, { method, headers: stage.system.keyHeader });

    const exported = (await (await about('/export')).text()).trimEnd().split('\n');
    const lines = exported.map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);
    const told = lines.map(({ type, item, message }) => [type, item?.kind ?? message?.event].join(' '));
    expect(told.sort()).toEqual(
      [
        ...['header ', 'exclusion ', 'inbox ', 'block ', 'room ', 'end '],
        ...['mention', 'private', 'private', 'push', 'push', 'todo'].map((kind) => `item ${kind}`),
        // A deleted message has no author any more.
        ...['broadcast_say', 'broadcast_say', 'broadcast_say', 'deleted', 'edited', 'reacted'].map(
          (event) => `message ${event}`,
        ),
      ].sort(),
    );

    expect((await about('', 'DELETE')).status).toBe(200);
    await eventually(async () =>
      expect(tracesOf(await storedRows(stage.system), person, around)).toEqual(documentedTraces(mode)),
    );
  });
});

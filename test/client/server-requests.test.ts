import { describe, expect, it } from 'vitest';
import { createClient, fold, type RoomMember } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { listen } from './chatter.ts';
import { refusal, type Step } from './fake-chat.ts';
import { memory } from './memory.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();
const answer =
  (fields: object): Step =>
  ({ ack }) =>
    ack({ ok: true, ...fields });

it('lists the rooms of this user once there is a connection', async () => {
  const rooms = [{ roomid: 'tea', top: 9, read: 4, unread: 5 }];
  fake().script('rooms:mine', answer({ rooms }));
  expect(await chatter().chat.rooms.mine()).toEqual(rooms);
});

it('reads the members of a large room page by page', async () => {
  const room = await chatter().chat.join('tea');
  const member = (userId: string): RoomMember => {
    return { userId, username: userId, clients: 1, state: 'online', seenAt: 1 };
  };
  const head = { rev: 3, users: 400, clients: 400 };
  fake().script(
    'room:members',
    answer({ ...head, members: [member('a')], cursor: 'after a' }),
    answer({ ...head, members: [member('b')] }),
  );
  const first = await room.memberPage({ limit: 1 });
  expect(first).toEqual({ ...head, members: [member('a')], cursor: 'after a' });
  const second = await room.memberPage({ limit: 1, cursor: first.cursor });
  expect(second).toEqual({ ...head, members: [member('b')] });
  expect(
    fake()
      .ask('room:members')
      .map(({ payload }) => payload),
  ).toEqual([
    { roomid: 'tea', limit: 1 },
    { roomid: 'tea', limit: 1, cursor: 'after a' },
  ]);
});

describe('own messages are marked', () => {
  it('in the first page, live, missed, in history, and after a change; others are not', async () => {
    fake().store('tea', 'mine before');
    const other = { data: { username: 'Bob', userId: 'bob', text: 'of Bob', type: 0 } };
    fake().store('tea', 'of Bob', other);
    const { chat } = chatter();
    const room = await chat.join('tea');
    const heard = listen(room);
    const marks = () => heard.messages.map(({ data, mine }) => [data.text, mine]);
    fake().post('tea', 'live');
    await eventually(() => expect(heard.messages).toHaveLength(3));
    fake().cut();
    fake().store('tea', 'missed');
    await eventually(() => expect(heard.messages).toHaveLength(4));
    const expected = [
      ['mine before', true],
      ['of Bob', undefined],
      ['live', true],
      ['missed', true],
    ];
    expect(marks()).toEqual(expected);
    const page = (await room.history()).messages;
    expect(page.map((entry) => 'mine' in entry && entry.mine)).toEqual([true, false, true, true]);
    expect(room.joined.messages.map((entry) => 'mine' in entry && entry.mine)).toEqual([true]);
    const [first] = heard.messages;
    if (!first) throw new Error('no message');
    const { seq: ref, roomid, epoch } = first;
    const edited = {
      event: 'edited',
      roomid,
      epoch,
      seq: 5,
      id: 'e',
      at: 5,
      ref,
      data: { text: 'new' },
    } as const;
    expect(fold(first, { ...edited, by: { userId: 'ada', username: 'Ada' } })).toMatchObject({
      mine: true,
      data: { text: 'new' },
    });
    expect(
      fake()
        .room('tea')
        .log.some((entry) => 'mine' in entry),
    ).toBe(false);
  });
});

describe('textmsg', () => {
  it('is sent once, and heard by its name and as `event`', async () => {
    const { chat } = chatter();
    const heard: unknown[] = [];
    chat.on('textmsg', (message) => heard.push(message));
    chat.on('event', (name, message) => heard.push([name, message]));
    await eventually(() => expect(chat.state).toBe('online'));
    fake().script('textmsg', answer({}), answer({ live: 2 }), ({ socket }) => socket.conn.close());
    expect(await chat.textmsg('to all')).toEqual({});
    const named = { name: 'Ada', avatar: '1.jpg', content: 'to Bob', to: 'Bob' };
    expect(await chat.textmsg(named)).toEqual({ live: 2 });
    await expect(chat.textmsg('lost')).rejects.toMatchObject({ code: 'unavailable', temporary: true });
    expect(
      fake()
        .ask('textmsg')
        .map(({ payload }) => payload),
    ).toEqual(['to all', named, 'lost']);
    await eventually(() => expect(chat.state).toBe('online'));
    fake().emit('textmsg', { name: 'Bob', content: 'back' });
    fake().emit('cluster:degraded', { since: 5 });
    const said = { name: 'Bob', content: 'back' };
    const away = ['cluster:degraded', { since: 5 }];
    await eventually(() => expect(heard).toEqual([said, ['textmsg', said], away]));
  });
});

describe('send', () => {
  it('sends any event of the protocol that the client does not manage, as it is', async () => {
    const { chat } = chatter();
    await eventually(() => expect(chat.state).toBe('online'));
    fake().script('room:read', answer({ roomid: 'tea', read: 3 }), refusal('forbidden', 'no', undefined));
    expect(await chat.send('room:read', { roomid: 'tea', seq: 3 })).toEqual({ roomid: 'tea', read: 3 });
    await expect(chat.send('room:read', { seq: 4 })).rejects.toMatchObject({ code: 'forbidden' });
    for (const event of ['join', 'leave', 'user_login', 'token:refresh', 'close', 5] as never[])
      await expect(chat.send(event, {} as never)).rejects.toMatchObject({ code: 'bad_request' });
    await expect(chat.send('say', { text: 'x', data: 1n })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(chat.send('say', { text: 'x'.repeat(2_000_000) })).rejects.toMatchObject({
      code: 'too_large',
    });
    expect(fake().asked.map(({ event }) => event)).toEqual(['room:read', 'room:read']);
  });

  it('rejects as unavailable while not connected', async () => {
    const { chat } = chatter();
    await expect(chat.send('rooms:mine', {})).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a private message to a name', () => {
  const stored = answer({ id: 'p1', seq: 1, at: 1, live: 1 });

  it('goes with the room in which the server looks for it, and waits until that is joined again', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    fake().script('private', ({ socket }) => socket.conn.close(), stored);
    const sent = chat.private({ toName: ' Bob ', roomid: 'tea' }, 'hello', { clientMsgId: 'a' });
    expect(await sent).toEqual({ id: 'p1', seq: 1, at: 1, live: 1 });
    const payload = { toName: 'Bob', roomid: 'tea', text: 'hello', clientMsgId: 'a' };
    expect(
      fake()
        .ask('private')
        .map(({ payload: asked }) => asked),
    ).toEqual([payload, payload]);
    const order = fake().asked.map(({ event }) => event);
    expect(order.lastIndexOf('join')).toBeLessThan(order.lastIndexOf('private'));
    await room.leave();
    const gone = chat.private({ toName: 'Bob', roomid: 'tea' }, 'hello');
    await expect(gone).rejects.toMatchObject({ code: 'not_joined' });
  });

  it.each([
    ['a name of nobody', { toName: '', roomid: 'tea' }],
    ['no room', { toName: 'Bob', roomid: '' }],
    ['nothing', null],
  ])('is refused with %s', async (_what, to) => {
    await expect(chatter().chat.private(to as never, 'x')).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('survives a restart, and a stored one without a receiver is dropped', async () => {
    const storage = memory();
    const written = { clientMsgId: 'a', kind: 'private', text: 'x', by: 'ada', toName: 'Bob', roomid: 'tea' };
    const damaged = { clientMsgId: 'b', kind: 'private', text: 'x', by: 'ada', toName: 'Bob' };
    storage.set('roomcast.letters', JSON.stringify([damaged, written]));
    fake().script('private', stored);
    const { chat } = chatter({ storage });
    const sent: unknown[] = [];
    chat.on('sent', (_posted, message) => sent.push('toName' in message && message.toName));
    chat.on('failed', (error) => sent.push(error.code));
    chat.enter('tea');
    await eventually(() => expect(sent).toEqual(['Bob']));
  });
});

it('a client that was never connected rejects what needs a connection now', async () => {
  const chat = createClient('http://127.0.0.1:1', { retryMinMs: 60_000, retryMaxMs: 60_000 });
  await expect(chat.textmsg('x')).rejects.toMatchObject({ code: 'unavailable' });
  chat.close();
});

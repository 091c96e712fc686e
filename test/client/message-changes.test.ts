import { describe, expect, it } from 'vitest';
import type { SayOptions } from '../../src/client/drafts.ts';
import { createRecentChanges } from '../../src/client/recent-changes.ts';
import type { Edit } from '../../src/client/room.ts';
import type { ChatMessage, EditedMessage } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { refusal, type Step } from './fake-chat.ts';
import { memory } from './memory.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

const circular: Record<string, unknown> = {};
circular.self = circular;

const stored: Step = ({ ack }) => ack({ ok: true, roomid: 'tea', epoch: 'e1', seq: 9, id: 'e1-9', at: 9 });

describe('a room refuses what cannot be sent, and goes on', () => {
  const wrong = (value: unknown) => value as never;
  it.each<[string, SayOptions]>([
    ['a number beyond JSON', { data: wrong(1n) }],
    ['a circle', { data: circular }],
    ['a function', { data: () => 1 }],
    ['mentions that are no list', { mentions: wrong(5) }],
    ['a mention that is no user id', { mentions: wrong([1n]) }],
    ['too many mentions', { mentions: Array.from({ length: 21 }, (_, n) => `u${n}`) }],
    ['an answer to no message', { replyTo: wrong(1n) }],
    ['a type that is no number', { type: wrong(1n) }],
    ['an echo that is no boolean', { echo: wrong(1n) }],
  ])('a message with %s', async (_what, options) => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    await expect(room.say('x', options)).rejects.toMatchObject({ code: 'bad_request' });
    await room.say('fine');
    expect(fake().ask('say')).toHaveLength(1);
  });

  it('data too large for the server, or for a packet', async () => {
    fake().limits = { maxTextBytes: 10 };
    const room = await chatter().chat.join('tea');
    await expect(room.say('', { data: 'x'.repeat(39) })).rejects.toMatchObject({ code: 'too_large' });
    await expect(room.edit(1, { data: 'x'.repeat(39) })).rejects.toMatchObject({ code: 'too_large' });
    await expect(room.edit(1, { text: 'x'.repeat(11) })).rejects.toMatchObject({ code: 'too_large' });
    await room.say('x', { data: 'x'.repeat(38) });
    fake().limits = { maxTextBytes: 1_000_000 };
    const wide = await chatter({ userId: 'bob' }).chat.join('tea');
    for (const content of [
      { text: '', data: 'x'.repeat(1_500_000) },
      { text: 'x'.repeat(900_000), data: 'x'.repeat(900_000) },
    ]) {
      await expect(wide.say(content.text, content)).rejects.toMatchObject({ code: 'too_large' });
      await expect(wide.edit(1, content)).rejects.toMatchObject({ code: 'too_large' });
    }
    expect(fake().ask('say')).toHaveLength(1);
    expect(fake().ask('edit')).toHaveLength(0);
  });

  it.each<[string, Edit]>([
    ['a number beyond JSON', { data: 1n }],
    ['a circle', { data: circular }],
    ['a text that is none', { text: wrong(1n) }],
    ['an id that is none', { text: 'x', clientMsgId: wrong(1n) }],
  ])('an edit with %s', async (_what, edit) => {
    const room = await chatter().chat.join('tea');
    await expect(room.edit(1, edit)).rejects.toMatchObject({ code: 'bad_request' });
    await expect(room.edit(wrong(1n), { text: 'x' })).rejects.toMatchObject({ code: 'bad_request' });
    expect(fake().ask('edit')).toHaveLength(0);
  });

  it('a reaction that is none, and a change of no message', async () => {
    const room = await chatter().chat.join('tea');
    for (const reaction of ['', 'x'.repeat(2_000_000), wrong(1n)]) {
      await expect(room.react(1, reaction)).rejects.toMatchObject({ code: 'bad_request' });
    }
    await expect(room.react(1, 'x', wrong(1n))).rejects.toMatchObject({ code: 'bad_request' });
    await expect(room.moderate(wrong(1n), 'bob')).rejects.toMatchObject({ code: 'bad_request' });
    await expect(room.moderate('ban', 'x'.repeat(2_000_000))).rejects.toMatchObject({ code: 'bad_request' });
    await expect(room.moderate('ban', 'bob', wrong(1n))).rejects.toMatchObject({ code: 'bad_request' });
    await expect(room.react(wrong(1n), 'x')).rejects.toMatchObject({ code: 'bad_request' });
    await expect(room.delete(wrong(1n))).rejects.toMatchObject({ code: 'bad_request' });
    expect(fake().asked.map(({ event }) => event)).toEqual(['join']);
  });

  it('an unsent message of the storage with wrong members', async () => {
    const draft = { roomid: 'tea', text: 'x', by: 'ada' };
    const wrongs = [{ mentions: 5 }, { replyTo: 'x' }, { echo: 1 }, { mentions: [{}] }];
    const drafts = wrongs.map((more, n) => ({ ...draft, ...more, clientMsgId: `wrong-${n}` }));
    const right = { ...draft, clientMsgId: 'right', data: { a: [1] }, replyTo: 3, mentions: ['bob'] };
    const storage = memory();
    storage.set('roomcast.outbox', JSON.stringify([...drafts, right]));
    const { chat } = chatter({ storage });
    await chat.join('tea');
    await eventually(() => expect(chat.outbox).toBe(0));
    expect(
      fake()
        .ask('say')
        .map(({ payload }) => payload),
    ).toMatchObject([{ clientMsgId: 'right', data: { a: [1] }, replyTo: 3, mentions: ['bob'] }]);
  });
});

it('a message is sent again with the data of its first attempt, whatever became of the application’s object', async () => {
  const room = await chatter().chat.join('tea');
  const data = { count: 1 };
  const mentions = ['bob'];
  fake().script('say', refusal('rate_limited', 'later', 1));
  const saying = room.say('x', { data, mentions });
  data.count = 2;
  mentions.push('carol');
  await saying;
  const sent = fake()
    .ask('say')
    .map(({ payload }) => payload);
  expect(sent).toHaveLength(2);
  for (const payload of sent) expect(payload).toMatchObject({ data: { count: 1 }, mentions: ['bob'] });
});

it('every deletion of a message has the same clientMsgId, so that it is safe to repeat', async () => {
  const room = await chatter().chat.join('tea');
  fake().script('delete', stored, stored, stored);
  await room.delete(3);
  await room.delete(3);
  await room.delete(4);
  const [first, again, other] = fake()
    .ask('delete')
    .map(({ payload }) => payload.clientMsgId);
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

describe('a change of a message', () => {
  const EVENTS = ['edit', 'react', 'delete'];
  const changes = () => fake().asked.filter(({ event }) => EVENTS.includes(event));
  const away = () => {
    fake().guard = () => ({ code: 'unavailable', message: 'later', temporary: true });
    fake().cut();
  };

  it('that is made while the client is away is sent once the room is joined again, in the order made', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    away();
    await eventually(() => expect(chat.state).not.toBe('online'));
    for (const event of EVENTS) fake().script(event, stored, stored, stored);
    const made = [
      room.edit(1, { text: 'one' }),
      room.react(1, '👍'),
      room.react(1, '👍', false),
      room.edit(1, { text: 'two' }),
      room.react(1, '👍'),
      room.delete(1),
      room.delete(1),
    ];
    expect(changes()).toEqual([]);
    fake().guard = undefined;
    for (const answer of await Promise.all(made)) expect(answer).toMatchObject({ seq: 9 });
    expect(changes().map(({ event, payload }) => ({ event, ...payload }))).toMatchObject([
      { event: 'edit', text: 'one' },
      { event: 'react', on: true },
      { event: 'react', on: false },
      { event: 'edit', text: 'two' },
      { event: 'react', on: true },
      { event: 'delete', clientMsgId: 'delete:1' },
    ]);
  });

  it('whose answer is lost, or that the server refuses for now, is sent again unchanged', async () => {
    const room = await chatter().chat.join('tea');
    fake().script('edit', ({ socket }) => socket.conn.close(), refusal('rate_limited', 'later', 1), stored);
    expect(await room.edit(1, { text: 'edited' })).toMatchObject({ seq: 9 });
    const [first, ...more] = changes().map(({ payload }) => payload);
    expect(first).toMatchObject({ text: 'edited' });
    expect(more).toEqual([first, first]);
  });

  it('that the server refuses for good rejects, and those behind it go on', async () => {
    const room = await chatter().chat.join('tea');
    fake().script('edit', refusal('forbidden', 'not yours'));
    fake().script('react', stored);
    const editing = room.edit(1, { text: 'x' });
    const reacting = room.react(1, '👍');
    await expect(editing).rejects.toMatchObject({ code: 'forbidden' });
    expect(await reacting).toMatchObject({ seq: 9 });
  });

  it('made before the room began a new epoch is rejected, because its number may be that of another message', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    away();
    await eventually(() => expect(chat.state).not.toBe('online'));
    const made = [room.edit(1, { text: 'old' }), room.react(1, '👍'), room.delete(1)];
    Object.assign(fake().room('tea'), { epoch: 'e2', top: 1 });
    fake().guard = undefined;
    for (const one of await Promise.allSettled(made)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'not_found' } });
    }
    expect(changes()).toEqual([]);
    fake().script('delete', stored);
    expect(await room.delete(1)).toMatchObject({ seq: 9 });
  });

  it('rejects when too many wait, and when the room is left before it is sent', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    away();
    await eventually(() => expect(chat.state).not.toBe('online'));
    const waiting = Array.from({ length: 1_000 }, () => room.react(1, '👍'));
    await expect(room.react(1, '👍')).rejects.toMatchObject({ code: 'limit' });
    await room.leave();
    for (const one of await Promise.allSettled(waiting)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'closed' } });
    }
    await expect(room.react(1, '👍')).rejects.toMatchObject({ code: 'closed' });
    expect(changes()).toEqual([]);
  });
});

it('changes of a lost epoch do not apply to pages of the next one', () => {
  const changes = createRecentChanges();
  const place = { roomid: 'tea', epoch: 'e1', seq: 5, id: 'e1-5', at: 5 };
  const by = { userId: 'ada', username: 'Ada' };
  const edited: EditedMessage = { event: 'edited', ...place, ref: 1, data: { text: 'edited' }, by };
  changes.note(edited);
  const data = { ...by, text: 'said', type: 0 };
  const message: ChatMessage = { event: 'broadcast_say', ...place, epoch: 'e2', seq: 1, data };
  const page = { epoch: 'e2', top: 2, messages: [message] };
  expect(changes.apply(page).messages).toEqual([message]);
  const same = { epoch: 'e1', top: 4, messages: [{ ...message, epoch: 'e1' }] };
  expect(changes.apply(same).messages).toMatchObject([{ data: { text: 'edited' } }]);
});

import { describe, expect, it, vi } from 'vitest';
import type { ChatClient } from '../../src/client/index.ts';
import { refuse } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { refusal, type Step } from './fake-chat.ts';
import { memory } from './memory.ts';
import { stageForEach } from './stage.ts';
import { tokenOf } from './token.ts';

const { fake, chatter } = stageForEach();

const cutBeforeStored: Step = ({ socket }) => socket.conn.close();
const cutBeforeAcked: Step = ({ socket, proceed }) => {
  proceed(() => undefined);
  socket.conn.close();
};
const silence: Step = () => undefined;

const textsTo = (userId: string) =>
  fake()
    .people.inbox(userId)
    .log.map(({ data }) => (data as { text?: string }).text);

function receivedBy(chat: ChatClient): string[] {
  const lines: string[] = [];
  chat.on('item', ({ kind, from, data }) => {
    lines.push(`${kind} of ${from?.id}: ${(data as { text?: string }).text}`);
  });
  return lines;
}

describe('a private message', () => {
  it('is stored for its receiver, and comes to the receiver and the other devices of its sender', async () => {
    const [ada, phone, bob] = [chatter().chat, chatter().chat, chatter({ userId: 'bob' }).chat];
    const lines = [ada, phone, bob].map(receivedBy);
    for (const chat of [ada, phone, bob]) await chat.inbox.list();
    const posted = await ada.private('bob', 'psst');
    expect(posted).toEqual({ id: expect.any(String), seq: 1, at: expect.any(Number), live: 1 });
    await eventually(() =>
      expect(lines.slice(1)).toEqual([['private of ada: psst'], ['private of ada: psst']]),
    );
    expect(phone.inbox.unread).toBe(0);
    expect(bob.inbox.unread).toBe(1);
    fake().cut();
    await eventually(() => expect(fake().auths).toHaveLength(6));
    await ada.inbox.list();
    expect(lines[0]).toEqual([]);
  });

  it('gets the receipts that came while its sender’s connection was lost, if somebody listens to them', async () => {
    const [ada, silent, phone] = [chatter().chat, chatter().chat, chatter().chat];
    const asked = vi.fn();
    const missed = { by: 'bob', delivered: 'm-1', read: 'm-1' };
    const answer: Step = ({ ack }) => {
      asked();
      ack({ ok: true, receipts: [missed] });
    };
    fake().script('receipts:list', answer, answer);
    const heard: unknown[] = [];
    for (const chat of [ada, phone]) chat.on('receipt', (receipt) => heard.push(receipt));
    for (const chat of [ada, silent]) await chat.private('bob', 'psst');
    await phone.inbox.list();
    fake().cut();
    await eventually(() => expect(heard).toEqual([missed]));
    for (const chat of [ada, silent, phone]) await chat.inbox.list();
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['the connection is lost before it is stored', cutBeforeStored],
    ['the connection is lost before the ack', cutBeforeAcked],
    ['the server does not answer', silence],
  ])('is stored once and acked once, under the same clientMsgId, when %s', async (_fault, step) => {
    const { chat } = chatter({ answerTimeoutMs: 300 });
    const lines = receivedBy(chat);
    await chat.inbox.list();
    fake().script('private', step);
    const sent = vi.fn();
    chat.on('sent', sent);
    const posting = Promise.all([chat.private('bob', 'one'), chat.private('bob', 'two')]);
    expect(chat.outbox).toBe(2);
    expect((await posting).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(textsTo('bob')).toEqual(['one', 'two']);
    const ids = fake()
      .ask('private')
      .map(({ payload }) => payload.clientMsgId);
    expect(ids).toHaveLength(3);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(2);
    expect(sent).toHaveBeenCalledTimes(2);
    await chat.inbox.list();
    expect(lines).toEqual([]);
    expect(chat.outbox).toBe(0);
  });

  it('of another device arrives as an item although it equals one that waits here', async () => {
    const { chat } = chatter();
    const lines = receivedBy(chat);
    await chat.inbox.list();
    fake().script('private', ({ socket }) => {
      const mine = { kind: 'private', from: { id: 'ada', name: 'Ada' } } as const;
      fake().people.keep('ada', { to: 'bob', text: 'same' }, mine);
      socket.conn.close();
    });
    await chat.private('bob', 'same');
    await eventually(() => expect(lines).toEqual(['private of ada: same']));
  });

  it('that is refused permanently rejects with the code, and the next one is sent', async () => {
    const { chat } = chatter();
    const failed: string[] = [];
    chat.on('failed', (error, { to }) => failed.push(`${to} ${error.code}`));
    fake().script('private', refusal('forbidden', 'no'), refusal('rate_limited', 'slower', 20));
    const outcomes = await Promise.allSettled([chat.private('bob', 'one'), chat.private('eve', 'two')]);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'forbidden', message: 'no', temporary: false } },
      { status: 'fulfilled', value: { seq: 1 } },
    ]);
    expect(failed).toEqual(['bob forbidden']);
    expect(fake().ask('private')).toHaveLength(3);
  });

  it('fails as unknown once the server may have forgotten it', async () => {
    fake().limits = { dedupeTtlS: 0.2 };
    const { chat } = chatter();
    const lines = receivedBy(chat);
    await chat.inbox.list();
    fake().script('private', cutBeforeAcked, refusal('rate_limited', 'slower', 5_000));
    await expect(chat.private('bob', 'one')).rejects.toMatchObject({ code: 'unknown' });
    // The inbox shows that it was stored.
    expect(lines).toEqual(['private of ada: one']);
  });

  it('fails when the client is closed or turned away', async () => {
    const { chat } = chatter();
    fake().script('private', () => fake().bye({ code: 3503, reconnect: false, reason: 'by an operator' }));
    const outcomes = await Promise.allSettled([chat.private('bob', 'sent'), chat.private('bob', 'not sent')]);
    expect(outcomes).toMatchObject([{ reason: { code: 'unknown' } }, { reason: { code: 'closed' } }]);
    chat.reconnect();
    expect((await chat.private('bob', 'back')).seq).toBe(1);
    chat.close();
    await expect(chat.private('bob', 'late')).rejects.toMatchObject({ code: 'closed' });
  });

  it('is refused at once when it could never be stored', async () => {
    fake().limits = { maxTextBytes: 10 };
    const { chat } = chatter({ maxOutbox: 1 });
    await chat.inbox.list();
    const refused = (sending: Promise<unknown>, code: string, message: RegExp) =>
      expect(sending).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await refused(chat.private('', 'hi'), 'bad_request', /^to: /);
    await refused(chat.private('bob', 7 as unknown as string), 'bad_request', /^text: /);
    await refused(chat.private('bob', 'hi', { clientMsgId: 'ü' }), 'bad_request', /^clientMsgId: /);
    await refused(chat.private('bob', 'ééééééé'), 'too_large', /^text: /);
    await refused(chat.todo('bob', ['a'] as object), 'bad_request', /^todo: /);
    await refused(chat.todo('bob', { when: () => 1 }), 'bad_request', /^todo: /);
    await refused(chat.todo('bob', { title: 'x'.repeat(99) }), 'too_large', /^todo: /);
    fake().script('private', silence);
    void chat.private('bob', 'waits');
    await refused(chat.private('bob', 'no room'), 'limit', /waiting/);
    expect(fake().ask('private').length + fake().ask('todo').length).toBeLessThanOrEqual(1);
  });
});

describe('a todo', () => {
  it('reaches its receiver as it was at the call, also over a lost connection', async () => {
    const { chat } = chatter();
    const bob = chatter({ userId: 'bob' }).chat;
    const todos: unknown[] = [];
    bob.on('item', ({ kind, data }) => todos.push([kind, data]));
    await bob.inbox.list();
    fake().script('todo', cutBeforeStored);
    const todo = { title: 'tea', steps: [{ boil: true }] };
    const posting = chat.todo('bob', todo, { clientMsgId: 'mine' });
    todo.title = 'changed';
    expect(await posting).toMatchObject({ seq: 1 });
    const data = { title: 'tea', steps: [{ boil: true }], receiver_id: 'bob', clientMsgId: 'mine' };
    await eventually(() => expect(todos).toEqual([['todo', data]]));
  });

  it('to oneself arrives as an item', async () => {
    const { chat } = chatter();
    const lines = receivedBy(chat);
    await chat.todo('ada', { text: 'water the tea' });
    fake().cut();
    await eventually(() => expect(fake().auths).toHaveLength(2));
    await chat.inbox.list();
    expect(lines).toHaveLength(1);
  });
});

describe('with a storage', () => {
  it('sends the unacked messages of an earlier run, under the same clientMsgId', async () => {
    const storage = memory([['roomcast.letters', '[null,{"to":"bob","clientMsgId":"x"}]']]);
    const first = chatter({ storage });
    await first.chat.inbox.list();
    fake().script('private', ({ proceed }) => proceed(() => undefined));
    void first.chat.private('bob', 'stored');
    void first.chat.todo('bob', { text: 'never sent' });
    await eventually(() => expect(textsTo('bob')).toEqual(['stored']));
    const left = memory(storage.entries);
    first.chat.close();

    const { chat } = chatter({ storage: left });
    const lines = receivedBy(chat);
    const sent: string[] = [];
    chat.on('sent', ({ dup = false }, { kind }) => sent.push(`${kind} ${dup}`));
    await eventually(() => expect(sent).toEqual(['private true', 'todo false']));
    expect(textsTo('bob')).toEqual(['stored', 'never sent']);
    expect(lines).toEqual([]);
    await eventually(() => expect(left.entries.get('roomcast.letters')).toBe('[]'));
  });

  it('never sends what one person wrote as another', async () => {
    const storage = memory();
    const first = chatter({ storage });
    await first.chat.inbox.list();
    fake().script('private', silence);
    void first.chat.private('eve', 'from ada');
    await eventually(() => expect(storage.entries.get('roomcast.letters')).toContain('from ada'));
    const left = memory(storage.entries);
    first.chat.close();
    const { chat } = chatter({ storage: left, userId: 'bob' });
    const failed: unknown[] = [];
    chat.on('failed', ({ code }) => failed.push(code));
    // The server knows its clientMsgId only of ada, so nobody can tell whether it was stored.
    await eventually(() => expect(failed).toEqual(['unknown']));
    expect(textsTo('eve')).toEqual([]);
  });

  it('never sends what one person wrote before the first connection as another', async () => {
    fake().guard = () => refuse('unavailable', 'later').error;
    const storage = memory();
    const ada = chatter({ storage }).chat;
    ada.private('eve', 'from ada').catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.letters')).toContain('from ada'));
    const left = memory(storage.entries);
    ada.close();
    fake().guard = undefined;
    const { chat } = chatter({ storage: left, userId: 'bob' });
    const failed: unknown[] = [];
    chat.on('failed', ({ code }) => failed.push(code));
    await chat.private('eve', 'from bob');
    expect(failed).toEqual(['wrong_user']);
    expect(textsTo('eve')).toEqual(['from bob']);
  });

  it.each<[string, (token: string) => string | (() => Promise<string>)]>([
    ['a token', (token) => token],
    ['a function that gives a token', (token) => async () => token],
  ])('knows the author from %s before the first connection', async (_, given) => {
    fake().guard = () => refuse('unavailable', 'later').error;
    const storage = memory();
    const ann = chatter({ storage, userId: undefined, token: given(tokenOf({ sub: 'ann' })) }).chat;
    ann.private('eve', 'from ann').catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.letters')).toContain('"by":"ann"'));
    const left = memory(storage.entries);
    ann.close();
    fake().guard = undefined;
    fake().hello = { user: { id: 'bob', name: 'Bob' } };
    const bob = chatter({ storage: left, userId: undefined, token: given(tokenOf({ sub: 'bob' })) }).chat;
    const failed: unknown[] = [];
    bob.on('failed', ({ code }) => failed.push(code));
    await bob.private('eve', 'from bob');
    expect(failed).toEqual(['wrong_user']);
    expect(textsTo('eve')).toEqual(['from bob']);
  });

  it('gives a message of nobody to the user that the server names first', async () => {
    fake().guard = () => refuse('unavailable', 'later').error;
    const storage = memory();
    const { chat } = chatter({ storage, userId: undefined });
    chat.private('eve', 'early').catch(() => undefined);
    await eventually(() => expect(storage.entries.get('roomcast.letters')).toContain('early'));
    expect(storage.entries.get('roomcast.letters')).not.toContain('"by"');
    fake().script('private', silence);
    fake().guard = undefined;
    await eventually(() => expect(storage.entries.get('roomcast.letters')).toContain('"by":"g-'));
  });
});

it('of a guest whom the server no longer knows is not sent again as another guest', async () => {
  const { chat } = chatter({ userId: undefined });
  const failed: string[] = [];
  chat.on('failed', (error, { kind }) => failed.push(`${kind} ${error.code}`));
  await chat.join('tea');
  fake().script('private', ({ proceed, socket }) => {
    proceed(() => undefined);
    fake().guard = ({ guestToken }) => (guestToken ? refuse('forbidden', 'who?').error : undefined);
    socket.conn.close();
  });
  await Promise.allSettled([chat.private('bob', 'once'), chat.todo('bob', { text: 'not sent' })]);
  expect(failed).toEqual(['private unknown', 'todo wrong_user']);
  expect(textsTo('bob')).toEqual(['once']);
  await chat.private('bob', 'of the new guest');
});

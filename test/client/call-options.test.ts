import { describe, expect, it } from 'vitest';
import type { CallOptions, ChatClient, Room } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { listen } from './chatter.ts';
import type { Step } from './fake-chat.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

const silent: Step = () => undefined;
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

type Call = (given: { chat: ChatClient; room: Room }, options: CallOptions) => Promise<unknown>;

/** Every method that returns a promise, with the event that it sends. */
const CALLS: readonly [string, Call, string][] = [
  ['say', ({ room }, options) => room.say('x', options), 'say'],
  ['read', ({ room }, options) => room.read(1, options), 'room:read'],
  ['edit', ({ room }, options) => room.edit(1, { text: 'x' }, options), 'edit'],
  ['delete', ({ room }, options) => room.delete(1, options), 'delete'],
  ['react', ({ room }, options) => room.react(1, '👍', true, options), 'react'],
  ['moderate', ({ room }, options) => room.moderate('mute', 'bob', 60, options), 'moderate'],
  ['history', ({ room }, options) => room.history({}, options), 'room:history'],
  ['memberPage', ({ room }, options) => room.memberPage({}, options), 'room:members'],
  ['signal', ({ room }, options) => room.signal('point', 1, options), 'signal'],
  ['leave', ({ room }, options) => room.leave(options), 'leave'],
  ['join', ({ chat }, options) => chat.join('milk', options), 'join'],
  ['private', ({ chat }, options) => chat.private('bob', 'x', options), 'private'],
  ['todo', ({ chat }, options) => chat.todo('bob', {}, options), 'todo'],
  ['textmsg', ({ chat }, options) => chat.textmsg('x', options), 'textmsg'],
  ['send', ({ chat }, options) => chat.send('typing', { on: true }, options), 'typing'],
  ['rooms.mine', ({ chat }, options) => chat.rooms.mine(options), 'rooms:mine'],
  ['inbox.list', ({ chat }, options) => chat.inbox.list({}, options), 'inbox:list'],
  ['inbox.ack', ({ chat }, options) => chat.inbox.ack({ read: 1 }, options), 'inbox:ack'],
  ['receipts', ({ chat }, options) => chat.receipts(options), 'receipts:list'],
  ['blocks.add', ({ chat }, options) => chat.blocks.add('bob', options), 'block'],
  ['blocks.remove', ({ chat }, options) => chat.blocks.remove('bob', options), 'block'],
  ['blocks.list', ({ chat }, options) => chat.blocks.list(options), 'blocks:list'],
  ['login', ({ chat }, options) => chat.login('eve', options), 'user_login'],
];

it('every call ends at its time-out, at the abort of its signal, and sends nothing for a signal aborted before', async () => {
  const { chat } = chatter({ autoReceipt: false });
  const room = await chat.join('tea');
  const ended = await Promise.all(
    CALLS.filter(([name]) => name !== 'leave').map(async ([name, call, event]) => {
      const given = { chat, room };
      fake().script(event, silent, silent, silent);
      const before = await codeOf(call(given, { signal: AbortSignal.abort() }));
      expect(
        fake()
          .ask(event)
          .filter(({ payload }) => payload.roomid !== 'tea' || event !== 'join'),
      ).toEqual([]);
      const wrong = [
        await codeOf(call(given, { timeoutMs: 'soon' as never })),
        await codeOf(call(given, { timeoutMs: Number.NaN })),
        await codeOf(call(given, { signal: {} as never })),
      ];
      const late = await codeOf(call(given, { timeoutMs: 1 }));
      const controller = new AbortController();
      const running = codeOf(call(given, { signal: controller.signal }));
      controller.abort();
      return [name, before, ...wrong, late, await running];
    }),
  );
  const codes = ['aborted', 'bad_request', 'bad_request', 'bad_request', 'timeout', 'aborted'];
  expect(ended).toEqual(CALLS.filter(([name]) => name !== 'leave').map(([name]) => [name, ...codes]));
});

it('leaving ends its wait and has left all the same', async () => {
  const { chat } = chatter();
  const room = await chat.join('tea');
  fake().script('leave', silent);
  expect(await codeOf(room.leave({ timeoutMs: 1 }))).toBe('timeout');
  expect(await codeOf(room.say('x'))).toBe('closed');
  await eventually(() => expect(fake().ask('leave').length).toBe(1));
});

it('a call that ends in time keeps its answer, and its signal and its time-out change nothing later', async () => {
  const room = await chatter().chat.join('tea');
  const controller = new AbortController();
  const said = await room.say('in time', { signal: controller.signal, timeoutMs: 30_000 });
  controller.abort();
  expect(said.seq).toBe(1);
  expect((await room.history({}, { timeoutMs: 30_000 })).messages).toHaveLength(1);
});

describe('a message that is given up', () => {
  it('is withdrawn if it was not sent, and the others go on in their order', async () => {
    const { chat } = chatter();
    const room = chat.enter('tea');
    const heard = listen(room);
    const unsent: string[][] = [];
    room.on('unsent', (drafts) => unsent.push(drafts.map(({ text }) => text)));
    const controller = new AbortController();
    const [first, second, third] = [
      room.say('one'),
      room.say('two', { signal: controller.signal }),
      room.say('three'),
    ];
    controller.abort();
    expect(await codeOf(second)).toBe('aborted');
    await Promise.all([first, third]);
    await eventually(() => expect(heard.lines.length).toBe(2));
    expect(
      fake()
        .ask('say')
        .map(({ payload }) => payload.text),
    ).toEqual(['one', 'three']);
    expect(unsent).toContainEqual(['one', 'three']);
    expect(room.unsent).toEqual([]);
  });

  it('goes on if it was sent: the room has it once, and `sent` tells it', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    const sent: string[] = [];
    room.on('sent', (_said, { text }) => sent.push(text));
    const controller = new AbortController();
    fake().script('say', () => {
      controller.abort();
      fake().cut();
    });
    expect(await codeOf(room.say('under way', { signal: controller.signal }))).toBe('aborted');
    await eventually(() => expect(sent.length).toBe(1));
    expect(fake().room('tea').log).toHaveLength(1);
  });

  it('stays for the other caller of the same clientMsgId', async () => {
    const { chat } = chatter();
    const room = chat.enter('tea');
    const controller = new AbortController();
    const given = room.say('x', { clientMsgId: 'a', signal: controller.signal });
    const other = room.say('x', { clientMsgId: 'a' });
    controller.abort();
    expect(await codeOf(given)).toBe('aborted');
    expect((await other).seq).toBe(1);
  });

  it('is withdrawn before a connection: to a user, and a change of a message', async () => {
    const { chat } = chatter();
    const room = await chat.join('tea');
    fake().mute = true;
    fake().cut();
    await eventually(() => expect(chat.state).not.toBe('online'));
    expect(await codeOf(chat.private('bob', 'never', { timeoutMs: 1 }))).toBe('timeout');
    expect(await codeOf(room.delete(1, { timeoutMs: 1 }))).toBe('timeout');
    expect(await codeOf(chat.rooms.mine({ timeoutMs: 1 }))).toBe('timeout');
    expect(chat.outbox).toBe(0);
    fake().mute = false;
    // The client would wait ten seconds for the hello of the connection that it opened meanwhile.
    fake().cut();
    chat.reconnect();
    await room.say('now');
    expect(fake().asked.filter(({ event }) => ['private', 'delete', 'rooms:mine'].includes(event))).toEqual(
      [],
    );
  });
});

describe('a join that is given up', () => {
  it('leaves the room if nobody else waits for it', async () => {
    const { chat } = chatter();
    let join: Parameters<Step>[0] | undefined;
    fake().script('join', (turn) => {
      join = turn;
    });
    const controller = new AbortController();
    const joining = codeOf(chat.join('tea', { signal: controller.signal }));
    await eventually(() => expect(join).toBeDefined());
    controller.abort();
    expect(await joining).toBe('aborted');
    join?.proceed();
    await eventually(() => expect(fake().ask('leave').length).toBe(1));
    expect((await chat.join('tea')).roomid).toBe('tea');
  });

  it('changes nothing for another caller, nor for a room of `enter`', async () => {
    const { chat } = chatter();
    const controller = new AbortController();
    const [given, other] = [codeOf(chat.join('tea', { signal: controller.signal })), chat.join('tea')];
    const entered = chat.enter('milk');
    const late = codeOf(chat.join('milk', { signal: controller.signal }));
    controller.abort();
    expect(await Promise.all([given, late])).toEqual(['aborted', 'aborted']);
    await (await other).say('here');
    await entered.say('here');
    expect(fake().ask('leave')).toEqual([]);
  });
});

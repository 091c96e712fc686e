import { describe, expect, it } from 'vitest';
import { describeIssues } from '../../src/protocol/issues.ts';
import { type EventName, HANDSHAKE_AUTH, HANDSHAKE_QUERY, PAYLOADS } from '../../src/protocol/payloads.ts';

/** What each event must have, and what it may. */
const EVENTS: Readonly<Record<Exclude<EventName, 'todo'>, readonly [object, ...string[]]>> = {
  join: [{}, 'username', 'avatar', 'roomid', 'resume', 'history'],
  leave: [{}, 'roomid'],
  say: [{ text: 'x' }, 'data', 'type', 'replyTo', 'mentions', 'roomid', 'clientMsgId', 'echo'],
  edit: [{ seq: 1, text: 'x' }, 'roomid', 'data', 'clientMsgId'],
  delete: [{ seq: 1 }, 'roomid', 'clientMsgId'],
  react: [{ seq: 1, reaction: '+1' }, 'roomid', 'on'],
  moderate: [{ action: 'ban', userId: 'bob' }, 'roomid', 'seconds'],
  'room:history': [{}, 'roomid', 'before', 'after', 'limit'],
  'room:members': [{}, 'roomid', 'limit', 'cursor'],
  'room:read': [{ seq: 1 }, 'roomid'],
  'rooms:mine': [{}],
  typing: [{ on: true }, 'roomid'],
  signal: [{ name: 'x' }, 'roomid', 'data', 'to'],
  user_login: [{ userId: 'ann' }, 'tokenId'],
  'token:refresh': [{ token: 'x' }],
  private: [{ to: 'bob', text: 'x' }, 'toName', 'roomid', 'clientMsgId'],
  textmsg: [{ name: 'Ann', content: 'x' }, 'avatar', 'to'],
  'inbox:list': [{}, 'before', 'limit'],
  'inbox:ack': [{ recv: 1 }, 'read'],
  'receipts:list': [{}],
  block: [{ userId: 'bob' }, 'on'],
  'blocks:list': [{}],
  close: [{}],
};
const HANDSHAKE = [
  ['query', HANDSHAKE_QUERY, ['roomid', 'username', 'avatar']],
  [
    'auth',
    HANDSHAKE_AUTH,
    ['username', 'avatar', 'userId', 'guestToken', 'resume', 'inbox', 'moves', 'changes'],
  ],
] as const;

describe.each([null, ''])('an optional field that is %j', (blank) => {
  it.each(Object.entries(EVENTS))('of %s is absent', (event, [needed, ...optional]) => {
    const schema = PAYLOADS[event as EventName];
    const without = schema.parse(needed);
    for (const field of optional) {
      expect([field, schema.parse({ ...needed, [field]: blank })]).toEqual([field, without]);
    }
    const all = Object.fromEntries(optional.map((field) => [field, blank]));
    expect(schema.parse({ ...needed, ...all })).toEqual(without);
  });

  it.each(HANDSHAKE)('of a handshake’s %s is absent', (_part, schema, optional) => {
    const all = Object.fromEntries(optional.map((field) => [field, blank]));
    expect(schema.parse(all)).toEqual({});
  });

  it('gives way to its alternative', () => {
    expect(PAYLOADS.private.parse({ to: blank, toName: 'Bob', text: 'x' })).toEqual({
      toName: 'Bob',
      text: 'x',
    });
    expect(PAYLOADS.user_login.parse({ userId: blank, tokenId: 'ann' })).toEqual({ tokenId: 'ann' });
    expect(PAYLOADS['inbox:ack'].parse({ recv: blank, read: 2 })).toEqual({ read: 2 });
    expect(PAYLOADS['room:history'].parse({ before: blank, after: 2 })).toMatchObject({ after: 2 });
  });

  it('is not enough where one of two is needed', () => {
    for (const [event, payload] of [
      ['private', { to: blank, toName: blank, text: 'x' }],
      ['user_login', { userId: blank, tokenId: blank }],
      ['inbox:ack', { recv: blank, read: blank }],
    ] as const) {
      expect([event, PAYLOADS[event].safeParse(payload).success]).toEqual([event, false]);
    }
  });

  it('does not make a field that is needed absent', () => {
    for (const [event, payload] of [
      ['say', { text: blank }],
      ['typing', { on: blank }],
      ['room:read', { seq: blank }],
      ['token:refresh', { token: blank }],
      ['todo', { receiver_id: blank }],
      ['textmsg', { name: blank, content: 'x' }],
      ['join', { resume: { epoch: blank, seq: 1 } }],
      ['join', { resume: { epoch: 'e', seq: blank } }],
    ] as const) {
      expect([event, PAYLOADS[event].safeParse(payload).success]).toEqual([event, false]);
    }
  });

  it('of a todo is absent, and stays in what the receiver gets', () => {
    const todo = { receiver_id: 'bob', clientMsgId: blank, due: null, note: '' };
    expect(PAYLOADS.todo.parse(todo)).toEqual({ to: 'bob', json: JSON.stringify(todo) });
  });
});

it('a payload that is null is an empty one', () => {
  for (const event of ['leave', 'rooms:mine', 'close', 'inbox:list'] as const) {
    expect(PAYLOADS[event].parse(null)).toEqual(PAYLOADS[event].parse({}));
  }
  for (const event of ['say', 'private', 'todo'] as const) {
    expect(PAYLOADS[event].safeParse(null).success).toBe(false);
  }
});

it('the given payload is not changed', () => {
  const given = Object.freeze({ roomid: null, history: '' });
  PAYLOADS.join.parse(given);
  expect(given).toEqual({ roomid: null, history: '' });
});

it.each([
  [{ action: 'exile', userId: 'bob' }, 'action'],
  [{ action: 'ban' }, 'userId'],
  [{ action: 'kick', userId: 'bob', seconds: 5 }, 'seconds'],
  [{ action: 'unban', userId: 'bob', seconds: 5 }, 'seconds'],
  [{ action: 'mute', userId: 'bob', seconds: 0 }, 'seconds'],
])('an order of a moderator that is %j is refused by its %s', (order, field) => {
  expect(PAYLOADS.moderate.safeParse(order).error?.issues[0]?.path).toEqual([field]);
});

describe('a refusal says what to send', () => {
  it.each([
    ['say', 'hello', 'payload: must be an object'],
    ['say', { message: 'x' }, 'text: must not be empty, unless data is given'],
    ['private', { to: 'bob' }, 'text: must be given, as a string'],
    ['edit', { text: 'x' }, 'seq: must be given, as a number'],
    ['moderate', { action: 'exile', userId: 'bob' }, 'action: must be one of kick, mute, unmute, ban, unban'],
    ['typing', { on: 'yes' }, 'on: must be true or false'],
    ['todo', 'x', 'payload: must be an object'],
    ['room:history', { limit: 500 }, 'limit: must be at most 200'],
    ['room:members', { cursor: 'x'.repeat(300) }, 'cursor: must not be longer than 256 characters'],
  ] as const)('to %s of %j', (event, sent, message) => {
    const { error } = PAYLOADS[event].safeParse(sent);
    expect(error && describeIssues(error)).toBe(message);
  });
});

import { describe, expect, it } from 'vitest';
import { explanationOf } from '../../src/cli/explanation.ts';
import type {
  ConnectionTrace,
  DeliveryTrace,
  MessageTrace,
  TracedMessage,
  WorkerTrace,
} from '../../src/message-trace.ts';

const MESSAGE: TracedMessage = {
  nsp: '/',
  kind: 'room',
  roomid: 'tea',
  epoch: 'e',
  seq: 41,
  state: 'stored',
  first: 1,
  top: 50,
  author: 'ann',
};

const DELIVERY: DeliveryTrace = {
  connections: 0,
  deliveredUpTo: 50,
  passed: true,
  written: 0,
  others: [],
  ofUser: [],
  ofAuthor: [],
};

const worker = (more: Partial<WorkerTrace>): WorkerTrace => ({
  host: 'here',
  slot: 0,
  pid: 7,
  instanceId: 'i',
  deliveries: [],
  answers: [],
  ...more,
});

const connection = (more: Partial<ConnectionTrace>): ConnectionTrace => ({
  clientId: 'c',
  userId: 'ann',
  outcome: 'written',
  waitingBytes: 0,
  ...more,
});

const textOf = (trace: Partial<MessageTrace>) =>
  explanationOf({ nsp: '/', messages: [], workers: [], silent: [], ...trace });

/** The text of the message, with what one worker knows of it. */
const told = (message: Partial<TracedMessage>, delivery: Partial<DeliveryTrace> = {}) =>
  textOf({
    messages: [{ ...MESSAGE, ...message }],
    workers: [worker({ deliveries: [{ ...DELIVERY, ...delivery }] })],
  });

it('the line of a user says what keeps them out of everything', () => {
  const user = { userId: 'eve', connections: 0, inRoom: false };
  const { state } = MESSAGE;
  expect(told({ state, user: { ...user, bannedEverywhere: true, revokedBefore: 0 } })).toContain(
    'eve: 0 connections, banned from everything, tokens from before 1970-01-01T00:00:00.000Z revoked, not in the room',
  );
  expect(told({ state, user })).toContain('eve: 0 connections, not in the room');
});

describe('the arrival of a message on a worker', () => {
  it.each([
    [{}, {}, 'has it;'],
    [{}, { passed: false, deliveredUpTo: 40 }, 'has delivered the room up to seq 40 only;'],
    [
      {},
      { passed: false, missed: 'gap' },
      'the log had lost it when this worker asked; members got room:gap;',
    ],
    [{ state: 'lost' }, {}, 'had it before the store lost it;'],
    [
      { state: 'lost' },
      { passed: false, missed: 'never_came' },
      'the store had lost it before this worker got it;',
    ],
  ] as const)('%j, %j', (message, delivery, words) => {
    expect(told(message, delivery)).toContain(`  here slot 0: ${words} written live to 0 of 0 connections\n`);
  });
});

it('counts among those that are not shown no connection of the user, which is shown above', () => {
  const own = connection({ clientId: 'own', userId: 'bob', outcome: 'behind' });
  const others = [connection({ clientId: 'first', outcome: 'behind' })];
  const bobs = [own, connection({ clientId: 'written', userId: 'bob' })];
  const text = told({}, { connections: 5, written: 1, others, ofUser: bobs });
  expect(text).toContain('and 2 more');
  expect(told({}, { connections: 5, written: 1, others: [...others, own], ofUser: bobs })).toContain(
    'and 2 more',
  );
});

describe('the ack of a message', () => {
  it('is shown with the connection that has it, and not with another of the author', () => {
    const ofAuthor = [
      connection({ clientId: 'other', ackedUpTo: 45 }),
      connection({ clientId: 'sender', ackedUpTo: 41 }),
    ];
    const text = told({}, { ofAuthor });
    expect(text).toContain(
      'acked: connection sender of the author (here slot 0) has the ack of this message',
    );
    expect(text).not.toContain('other');
  });

  it('is not concluded from the ack of a later message', () => {
    const text = told({}, { ofAuthor: [connection({ ackedUpTo: 45 }), connection({ ackedUpTo: 0 })] });
    expect(text).toContain('acks of this author up to seq 45 are known; of this one nothing');
  });
});

describe('the log', () => {
  it.each([
    [{ state: 'never', first: 1, top: 0 }, 'not in the log; the log is empty\n'],
    [{ state: 'never', first: 3, top: 40 }, 'not in the log; the log has 3 to 40\n'],
    [{ state: 'trimmed', first: 58, top: 57 }, '; the log is empty and ended at 57\n'],
  ] as const)('%j', (message, words) => {
    expect(told(message)).toContain(words);
  });
});

it('says only of workers that answered that none remembers a refusal', () => {
  const text = textOf({ workers: [worker({})], silent: [{ host: 'there', workers: 1, reason: 'late' }] });
  expect(text).toContain('No worker that answered remembers a refusal of it');
});

it('shows the room and namespace of a refusal, and how other messages are found', () => {
  const refusal = { at: 0, event: 'say', clientMsgId: 'c', userId: 'ann', code: 'rate_limited' } as const;
  const answers = [
    { ...refusal, nsp: '/post', roomid: 'tea' },
    { ...refusal, nsp: '/', event: 'private' },
  ];
  const searched = { logs: 1, everyLog: true, records: false };
  const text = textOf({ searched, workers: [worker({ answers })] });
  expect(text).toContain('here slot 0 refused say of ann in tea in /post with this id at ');
  expect(text).toContain('here slot 0 refused private of ann with this id at ');
  expect(text).toContain('a deleted or trimmed message is found only with --user AUTHOR');
  expect(text).not.toContain('Others may have it');
});

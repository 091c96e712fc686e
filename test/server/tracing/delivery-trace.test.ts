import { describe, expect, it } from 'vitest';
import type { FeedPosition } from '../../../src/chat/feed.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import type { TracedPosition } from '../../../src/message-trace.ts';
import { ANSWERS_KEPT, createRecentAnswers } from '../../../src/server/recent-answers.ts';
import type { JoinedAt, Membership, Session } from '../../../src/server/session.ts';
import { createDeliveryTracer } from '../../../src/server/tracing/delivery-trace.ts';

const WORKER = { host: 'here', slot: 0, pid: 7, instanceId: 'i' };
const MESSAGE: TracedPosition = {
  nsp: '/',
  kind: 'room',
  roomid: 'tea',
  epoch: 'e2',
  seq: 41,
  author: 'ann',
};
/** The room lost its messages above 30 of the first epoch. */
const POSITION: FeedPosition = {
  epoch: 'e2',
  seq: 50,
  previousEpochs: [{ epoch: 'e1', upTo: 30 }],
  gaps: [],
};

type Joined = Partial<JoinedAt> & { readonly user?: string; readonly acked?: number };

function sessionOf(id: string, joined: Joined | undefined): Session {
  const { user = 'bob', acked, ...at } = joined ?? {};
  const joinedAt = { epoch: 'e2', seq: 31, first: 32, resumedAfter: undefined, ...at };
  const membership = { joinedAt, ...(acked === undefined ? {} : { lastSay: { epoch: 'e2', seq: acked } }) };
  return {
    socket: { id, nsp: { name: '/' }, conn: {} },
    user: { id: user, name: user },
    memberships: new Map(joined ? [['tea', membership as unknown as Membership]] : []),
  } as unknown as Session;
}

function trace(
  joined: Record<string, Joined | undefined>,
  options: {
    message?: TracedPosition;
    position?: FeedPosition | undefined;
    gathered?: string[];
    userId?: string;
  } = {},
) {
  const { message = MESSAGE, gathered = [], userId } = options;
  const position = 'position' in options ? options.position : POSITION;
  const sessions = Object.entries(joined).map(([id, at]) => sessionOf(id, at));
  const tracer = createDeliveryTracer({
    feeds: { positionOf: () => position },
    fanout: { gathered: () => gathered.map((json) => ({ json })) },
    logins: { sessions: () => sessions, sessionsOf: () => sessions.slice(0, 1) },
    internals: { waitingBytes: () => 5 },
    recentAnswers: createRecentAnswers(() => 0),
    worker: WORKER,
  });
  const { deliveries, ...worker } = tracer({
    nsp: '/',
    messages: [message],
    ...(userId === undefined ? {} : { userId }),
  });
  expect(worker).toEqual({ ...WORKER, answers: [] });
  const [delivery] = deliveries;
  if (!delivery) throw new Error('no delivery');
  return {
    ...delivery,
    outcomes: Object.fromEntries(delivery.others.map((one) => [one.clientId, one.outcome])),
  };
}

it.each([
  ['written to a member that joined before', {}, undefined],
  [
    'written to one that joined in an earlier epoch, whatever the numbers',
    { epoch: 'e1', seq: 60 },
    undefined,
  ],
  ['in the page of one that joined later', { seq: 45, first: 40 }, 'page'],
  ['in the page of one that resumed', { seq: 45, first: 41, resumedAfter: 40 }, 'resumed'],
  ['known to one that resumed after it', { seq: 45, first: 44, resumedAfter: 43 }, 'had'],
  ['older than the page', { seq: 45, first: 42 }, 'before'],
  ['older than a join without a page', { seq: 45, first: 46 }, 'before'],
])('a message was %s', (_, joined, outcome) => {
  const { connections, written, outcomes, passed } = trace({ c: joined });
  expect({ connections, passed, written, outcome: outcomes.c }).toEqual({
    connections: 1,
    passed: true,
    written: outcome === undefined ? 1 : 0,
    outcome,
  });
});

describe('a message of an earlier epoch', () => {
  const old = { ...MESSAGE, epoch: 'e1' };
  const joined = { c: { epoch: 'e1', seq: 3 } };

  it('was delivered as far as that epoch holds', () => {
    expect(trace(joined, { message: { ...old, seq: 30 } })).toMatchObject({ passed: true, written: 1 });
  });

  it('never came if the store lost it first', () => {
    const missed = { passed: false, missed: 'never_came', written: 0, outcomes: { c: 'never_came' } };
    expect(trace(joined, { message: { ...old, seq: 31 } })).toMatchObject(missed);
    expect(trace({ c: { seq: 45, first: 31 } }, { message: { ...old, seq: 31 } })).toMatchObject(missed);
    expect(trace(joined, { message: { ...old, epoch: 'e0', lost: true } })).toMatchObject(missed);
  });

  it('was written live if the feed had delivered it before the store lost it', () => {
    const gap = { epoch: 'e1', previousEpochs: [], from: 31, to: 40, reason: 'epoch' } as const;
    const position = { ...POSITION, gaps: [gap] };
    const crowd = {
      ...joined,
      later: { epoch: 'e1', seq: 36, first: 20 },
      afterwards: { seq: 35, first: 20 },
    };
    expect(trace(crowd, { message: { ...old, seq: 31 }, position })).toMatchObject({
      passed: true,
      written: 1,
      outcomes: { later: 'page', afterwards: 'never_came' },
    });
    expect(trace(joined, { message: { ...old, seq: 41 }, position })).toMatchObject({ missed: 'never_came' });
    expect(trace({ c: {} }, { message: { ...MESSAGE, seq: 35 }, position })).toMatchObject({ written: 1 });
  });
});

it('a message of an epoch that the feed does not know yet has not arrived', () => {
  const { passed, outcomes } = trace({ c: {} }, { message: { ...MESSAGE, epoch: 'e3', seq: 9 } });
  expect([passed, outcomes]).toEqual([false, { c: 'behind' }]);
});

it('a message that the log had lost when the feed asked was written to nobody', () => {
  const gap = { epoch: 'e2', previousEpochs: [{ epoch: 'e1', upTo: 30 }], reason: 'trimmed' } as const;
  const position = { ...POSITION, gaps: [{ ...gap, from: 29, to: 41 }] };
  const outcomes = { c: 'gap', page: 'page' };
  const joined = { c: {}, page: { seq: 45, first: 41 } };
  expect(trace(joined, { position })).toMatchObject({ passed: false, missed: 'gap', written: 0, outcomes });
  const old = { ...MESSAGE, epoch: 'e1', seq: 30 };
  expect(trace({ c: { epoch: 'e1', seq: 3 } }, { message: old, position })).toMatchObject({ missed: 'gap' });
  expect(trace(joined, { message: { ...MESSAGE, seq: 42 }, position })).toMatchObject({ written: 1 });
});

it('an ack of another epoch is none', () => {
  const acked = { c: { user: 'ann', acked: 31 } };
  const message = { ...MESSAGE, epoch: 'e1', seq: 30 };
  expect(trace(acked, { message }).ofAuthor).toMatchObject([{ ackedUpTo: 0 }]);
});

it('a message that is gathered, or has not arrived, is written to nobody yet', () => {
  const gathered = ['{"seq":40,"epoch":"e2"}', '{"seq":41,"epoch":"e2"}'];
  expect(trace({ c: {} }, { gathered })).toMatchObject({ written: 0, outcomes: { c: 'gathered' } });
  expect(trace({ c: {} }, { gathered: ['{"seq":410}'] })).toMatchObject({ written: 1 });
  const position = { ...POSITION, seq: 40 };
  expect(trace({ c: {} }, { position })).toMatchObject({
    passed: false,
    deliveredUpTo: 40,
    outcomes: { c: 'behind' },
  });
});

it('the sender of a message with echo: false has the ack instead', () => {
  const message = { ...MESSAGE, except: 'c' };
  const { written, outcomes, ofAuthor } = trace({ c: { user: 'ann', acked: 41 }, d: {} }, { message });
  expect([written, outcomes]).toEqual([1, { c: 'excepted' }]);
  expect(ofAuthor).toMatchObject([{ clientId: 'c', ackedUpTo: 41 }]);
});

it('lists the connections of the user in question, also those outside the room, and twenty others', () => {
  const crowd = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`p${n}`, { seq: 45, first: 40, user: `u${n}` }]),
  );
  const { connections, others, ofUser } = trace({ ...crowd, x: {}, y: undefined }, { userId: 'bob' });
  expect([connections, others.length]).toEqual([31, 20]);
  expect(ofUser).toMatchObject([
    { clientId: 'x', outcome: 'written', joinedAt: 31, waitingBytes: 5 },
    { clientId: 'y', outcome: 'not_joined' },
  ]);
});

it('without a member here the worker does not follow the room', () => {
  const { deliveredUpTo, ...delivery } = trace({}, { position: undefined });
  expect(deliveredUpTo).toBeUndefined();
  expect(delivery).toMatchObject({ connections: 0, passed: false, written: 0 });
});

it('counts the connections of an inbox’s user', () => {
  const message = { ...MESSAGE, kind: 'inbox' as const, roomid: inboxOf('/', 'bob').roomid };
  expect(trace({ c: {} }, { message })).toMatchObject({ connections: 1, passed: true, others: [] });
});

it('a worker remembers its newest answers only, oldest first', () => {
  const answers = createRecentAnswers(() => 9);
  const answer = (clientMsgId: string, seq: number) => ({
    event: 'say',
    nsp: '/',
    userId: 'ann',
    clientMsgId,
    seq,
  });
  for (let seq = 0; seq < ANSWERS_KEPT + 3; seq += 1) answers.note(answer(seq % 2 ? 'odd' : 'even', seq));
  const odd = answers.of({ clientMsgId: 'odd', nsp: '/' });
  expect([odd.length, odd[0], odd.at(-1)?.seq]).toEqual([
    ANSWERS_KEPT / 2,
    { ...answer('odd', 3), at: 9 },
    ANSWERS_KEPT + 1,
  ]);
  expect(answers.of({ clientMsgId: 'none', nsp: '/' })).toEqual([]);
});

it('an answer of another room or namespace with the same clientMsgId is not shown', () => {
  const answers = createRecentAnswers(() => 9);
  const answer = { event: 'say', userId: 'ann', clientMsgId: 'c', code: 'rate_limited' } as const;
  const [tea, sea, post] = [
    { ...answer, nsp: '/', roomid: 'tea' },
    { ...answer, nsp: '/', roomid: 'sea' },
    { ...answer, nsp: '/post', roomid: 'tea' },
  ] as const;
  for (const one of [tea, sea, post]) answers.note(one);
  const of = (nsp: string, room: object = {}) => answers.of({ clientMsgId: 'c', nsp, ...room });
  expect(of('/', { roomid: 'tea' })).toEqual([{ ...tea, at: 9 }]);
  expect(of('/')).toEqual([tea, sea].map((one) => ({ ...one, at: 9 })));
  expect(of('/post')).toEqual([{ ...post, at: 9 }]);
});

import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createAdmission } from '../../../src/chat/admission.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import type { SendAck } from '../../../src/protocol/people.ts';
import { MEMBER_RIGHTS } from '../../../src/protocol/rights.ts';
import type { ChatContext } from '../../../src/server/context.ts';
import { createEventQueue } from '../../../src/server/event-queue.ts';
import { dispatch } from '../../../src/server/events/dispatch.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { ConnectionBudget, Traffic } from '../../../src/server/transport/connection-budget.ts';
import { IncomingPacket } from '../../../src/server/transport/incoming-packet.ts';
import { silentLog } from '../../cluster/silent-log.ts';
import { emitting } from '../../support/emitting.ts';
import { FREE_PERMIT } from '../../support/free-permit.ts';
import { partOf } from '../../support/part-of.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const context = partOf<ChatContext>({
  admission: partOf<ChatContext['admission']>({
    acquire: () => ({ ok: true, value: { ...FREE_PERMIT, begin: async () => undefined } }),
  }),
  slowClients: partOf<ChatContext['slowClients']>({ caughtUp: () => undefined }),
  recentAnswers: { note: () => undefined },
  storageBudget: { take: () => 0, takeLog: () => undefined },
  metrics: partOf<ChatContext['metrics']>({
    refused: partOf<ChatContext['metrics']['refused']>({ inc: () => undefined }),
  }),
});

const newBudget = () => new ConnectionBudget(new Traffic({ events: undefined, bytes: undefined }, () => 0));

function openSession(budget = newBudget()) {
  const queue = createEventQueue();
  const refused: { readonly event: string }[] = [];
  const socket = partOf<ClientSocket>({
    conn: partOf<ClientSocket['conn']>({}),
    nsp: partOf<ClientSocket['nsp']>({ name: '/' }),
    // As the client gets it: JSON has no place for what is undefined.
    emit: emitting<{ event: string }>((_name, refusal) => refused.push(JSON.parse(JSON.stringify(refusal)))),
  });
  const user = { id: 'ann', name: 'Ann' };
  const session = partOf<Session>({
    queue,
    socket,
    user,
    budget,
    defaultRoom: 'lobby',
    memberships: new Map(),
    takeSayToken: () => 0,
  });
  return { session, queue, refused };
}

it('refused events with huge names or ids leave no more than their beginnings in memory', async () => {
  const { session } = openSession();
  const kept: unknown[] = [];
  const remembering = { ...context, recentAnswers: { note: (answer: unknown) => void kept.push(answer) } };
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 40; count += 1) {
    const clientMsgId = `${count}`.repeat(1_000_000);
    const event = {
      event: `no-event-${count}`.repeat(100_000),
      args: [{ clientMsgId }, new IncomingPacket('', 9)],
    };
    await dispatch(session, remembering, event);
  }
  await turn();
  collectGarbage();
  expect(kept).toHaveLength(40);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
});

it('rooms:mine costs as many of the connection’s events as the rooms that it reads', async () => {
  const rooms = Array.from({ length: 1_000 }, (_, n) => ({ roomid: `${n}`, top: 0, read: 0, unread: 0 }));
  const budget = new ConnectionBudget(
    new Traffic({ events: { perMs: 0.1, burst: 100 }, bytes: undefined }, () => 0),
  );
  const { session } = openSession(budget);
  const readMarkers = partOf<ChatContext['readMarkers']>({ mine: async () => succeed({ rooms }) });
  const answers: unknown[] = [];
  for (let times = 0; times < 2; times += 1) {
    expect(budget.traffic.take(0)).toBe(0);
    const event = { event: 'rooms:mine', args: [{}, (answer: unknown) => answers.push(answer)] };
    await dispatch(session, { ...context, readMarkers }, event);
  }
  await expect.poll(() => answers).toHaveLength(2);
  expect(budget.traffic.take(0)).toBeGreaterThan(0);
});

it('an event that stores is refused beyond the budget of its user, by the bytes of its packet', async () => {
  const taken: unknown[] = [];
  const storageBudget: ChatContext['storageBudget'] = {
    take: (_session, entries, bytes) => {
      taken.push([entries, bytes]);
      return 1_234;
    },
    takeLog: () => expect.unreachable(),
  };
  const refusal = refuse('rate_limited', 'too many bytes to store', 1_234);
  for (const [event, payload] of [
    ['say', { text: 'x' }],
    ['private', { to: 'bob', text: 'x' }],
    ['todo', { receiver_id: 'bob' }],
    ['edit', { seq: 1, text: 'x' }],
    ['delete', { seq: 1 }],
    ['react', { seq: 1, reaction: 'x' }],
  ] as const) {
    const { session } = openSession();
    const answers: unknown[] = [];
    const ack = (answer: unknown) => answers.push(answer);
    const args = [payload, new IncomingPacket('', 99), ack];
    await dispatch(session, { ...context, storageBudget }, { event, args });
    expect(answers).toEqual([refusal]);
  }
  expect(taken).toEqual([
    [1, 99],
    [2, 99],
    [1, 99],
    [1, 99],
    [1, 99],
    [1, 99],
  ]);
});

it('the first entry of a log counts more against the budget of its user, and so does each message to a stranger', async () => {
  let logs = 0;
  const storageBudget: ChatContext['storageBudget'] = {
    take: () => 0,
    takeLog: () => {
      logs += 1;
    },
  };
  const counted: number[] = [];
  const acks: readonly Pick<SendAck, 'seq' | 'dup'>[] = [
    { seq: 1 },
    { seq: 2 },
    { seq: 0 },
    { seq: 1, dup: true },
    { seq: 0, dup: true },
  ];
  for (const ack of acks) {
    const { session } = openSession();
    Object.assign(session, { identity: { user: session.user } });
    Object.assign(session.socket, { id: 'socket' });
    const known = partOf<ChatContext>({
      ...context,
      storageBudget,
      roster: partOf<ChatContext['roster']>({}),
      limits: partOf<ChatContext['limits']>({ maxTextBytes: 99 }),
      directMessages: partOf<ChatContext['directMessages']>({
        sendPrivate: async () => succeed<SendAck>({ id: 'm1', at: 1, live: 0, ...ack }),
      }),
      metrics: partOf<ChatContext['metrics']>({ saidPrivately: () => undefined }),
    });
    const before = logs;
    const answers: unknown[] = [];
    const args = [
      { to: 'bob', text: 'x' },
      new IncomingPacket('', 9),
      (answer: unknown) => answers.push(answer),
    ];
    await dispatch(session, known, { event: 'private', args });
    expect(answers).toEqual([{ ok: true, id: 'm1', at: 1, live: 0, ...ack }]);
    counted.push(logs - before);
  }
  expect(counted).toEqual([1, 0, 1, 0, 0]);
});

describe('an event of a client', () => {
  it.each(['say', 'leave'])('takes effect before the disconnect sent right behind it: %s', async (event) => {
    const admission = createAdmission({ now: () => 0, random: () => 0 });
    const { session } = openSession();
    const user = { id: 'ann', name: 'Ann' };
    const identity = partOf<Session['identity']>({
      user,
      guestToken: '',
      access: { rightsIn: () => MEMBER_RIGHTS },
    });
    const membership = {
      room: roomOf('/', 'tea'),
      lease: partOf<Membership['lease']>({ release: () => undefined }),
      uncounted: true,
    } as const;
    session.memberships.set('tea', membership);
    Object.assign(session, { user, identity });
    Object.assign(session.socket, { id: 'socket', leave: () => undefined });
    const reached: string[] = [];
    const reaching: ChatContext = {
      ...context,
      admission,
      limits: partOf<ChatContext['limits']>({ maxTextBytes: 100 }),
      newId: () => 'id',
      enforcement: partOf<ChatContext['enforcement']>({ connectionRefusal: () => undefined }),
      logs: partOf<ChatContext['logs']>({
        append: async () => {
          reached.push('say');
          return refuse('unavailable', 'the test has no store');
        },
      }),
      fanout: { flush: () => reached.push('leave') },
      readMarkers: partOf<ChatContext['readMarkers']>({ left: async () => undefined }),
      log: silentLog,
    };
    const args = [{ roomid: 'tea', text: 'bye' }, new IncomingPacket('', 9)];
    // Socket.IO delivers each packet of a chunk in a tick of its own.
    process.nextTick(() => void dispatch(session, reaching, { event, args }));
    process.nextTick(() => session.memberships.clear());
    await turn();
    admission.close();
    expect(reached).toEqual([event]);
  });

  it.each(['say', 'edit', 'textmsg'])(
    '%s holds no permit of the store while a receiver is asked',
    async (event) => {
      const admission = createAdmission({ now: () => 0, random: () => 0 });
      const { session, refused } = openSession();
      const identity = partOf<Session['identity']>({
        user: { id: 'ann', name: 'Ann' },
        guestToken: '',
        access: { rightsIn: () => MEMBER_RIGHTS },
      });
      Object.assign(session, { identity, hearsTextmsg: true });
      session.memberships.set('lobby', partOf<Membership>({ room: roomOf('/', 'lobby') }));
      const inFlight: number[] = [];
      const asking: ChatContext = {
        ...context,
        admission,
        limits: partOf<ChatContext['limits']>({ maxTextBytes: 100 }),
        enforcement: partOf<ChatContext['enforcement']>({
          connectionRefusal: () => undefined,
          refusalOf: async () => undefined,
        }),
        connectionBans: { check: () => undefined },
        beforeSay: {
          async review({ permit }) {
            inFlight.push(admission.state().inFlight);
            permit.release();
            inFlight.push(admission.state().inFlight);
            return refuse('forbidden', 'no');
          },
        },
      };
      const payload = event === 'textmsg' ? 'hello' : { text: 'hello', seq: 1 };
      await dispatch(session, asking, { event, args: [payload, new IncomingPacket('', 9)] });
      admission.close();
      expect(inFlight).toEqual([1, 0]);
      expect(refused).toMatchObject([{ event, error: { code: 'forbidden', message: 'no' } }]);
      expect(admission.state().inFlight).toBe(0);
    },
  );

  it('is refused under its clientMsgId, cut where that is too long, unless that leaves half a character', async () => {
    const { session, refused } = openSession();
    for (const clientMsgId of ['c1', 'x'.repeat(70), `${'x'.repeat(63)}😀`, '\ud800']) {
      await dispatch(session, context, {
        event: 'say',
        args: [{ text: '', clientMsgId }, new IncomingPacket('', 9)],
      });
    }
    expect(refused).toMatchObject([{ clientMsgId: 'c1' }, { clientMsgId: 'x'.repeat(64) }, {}, {}]);
    for (const refusal of refused.slice(2)) expect(refusal).not.toHaveProperty('clientMsgId');
  });

  it('is remembered with its refusal if it has a clientMsgId', async () => {
    const { session } = openSession();
    const noted: unknown[] = [];
    const recentAnswers = { note: (answer: object) => void noted.push({ ...answer }) };
    Object.assign(session, { takeSayToken: () => 700 });
    const rooms = [{}, { roomid: null }, { roomid: 'tea' }, { roomid: '\u0000' }];
    for (const payload of [
      ...rooms.map((room) => ({ text: 'a', clientMsgId: 'c1', ...room })),
      { text: 'b' },
    ])
      await dispatch(
        session,
        { ...context, recentAnswers },
        { event: 'say', args: [payload, new IncomingPacket('', 9)] },
      );
    const refusal = { event: 'say', clientMsgId: 'c1', nsp: '/', userId: 'ann', code: 'rate_limited' };
    const answer = { ...refusal, retryAfterMs: 700 };
    expect(noted).toEqual([
      { ...answer, roomid: 'lobby' },
      { ...answer, roomid: 'lobby' },
      { ...answer, roomid: 'tea' },
      answer,
    ]);
  });

  it.each(['leave', 'room:history'])('%s keeps nothing of its unknown keys while it waits', async (event) => {
    const { session, queue } = openSession();
    void queue.run('inTurn', () => new Promise(() => {}));
    const unknownKeys: WeakRef<object>[] = [];
    for (let n = 0; n < 20; n += 1) {
      const junk = Array.from({ length: 1_000 }, () => []);
      unknownKeys.push(new WeakRef(junk));
      void dispatch(session, context, { event, args: [{ roomid: 'tea', junk }, () => undefined] });
    }
    await turn();
    await expect
      .poll(() => {
        collectGarbage();
        return unknownKeys.filter((reference) => reference.deref() !== undefined).length;
      })
      // The frame of this test may hold the last.
      .toBeLessThan(2);
  });

  it('waits with at most 8 MiB of its connection, by packet bytes and over all its users', async () => {
    const budget = newBudget();
    const [ann, bob] = [openSession(budget), openSession(budget)];
    let release = () => {};
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    const send = (session: Session) => {
      const packet = new IncomingPacket('', 1_100_000);
      return new Promise<object>((ack) => {
        void dispatch(session, context, {
          event: 'leave',
          args: [{ roomid: 'tea' }, packet, ack],
        });
      });
    };
    for (const { queue } of [ann, bob]) void queue.run('inTurn', () => stuck);
    const waiting = [...Array(4).fill(ann), ...Array(3).fill(bob)].map(({ session }) => send(session));
    for (const { session } of [ann, bob]) {
      expect(await send(session)).toMatchObject({ ok: false, error: { code: 'rate_limited' } });
    }
    release();
    for (const answer of await Promise.all(waiting)) {
      expect(answer).toMatchObject({ error: { code: 'not_joined' } });
    }
    expect(await send(ann.session)).toMatchObject({ error: { code: 'not_joined' } });
  });

  it('that was refused before decoding is answered with the refusal', async () => {
    const { session } = openSession();
    const error = { code: 'rate_limited', message: 'too many events', temporary: true } as const;
    const packet = new IncomingPacket('', 10, error);
    const answer = await new Promise((ack) => {
      void dispatch(session, context, { event: 'say', args: [packet, ack] });
    });
    expect(answer).toEqual({ ok: false, error });
  });

  it('of an unknown name is refused by the beginning of that name, made printable', async () => {
    const { session, refused } = openSession();
    await dispatch(session, context, { event: `\u0000${'é'.repeat(600_000)}`, args: [{}] });
    expect(refused).toMatchObject([{ event: `?${'é'.repeat(63)}`, error: { code: 'bad_request' } }]);
  });
});

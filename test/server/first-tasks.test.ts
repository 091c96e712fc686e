import { EventEmitter } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAdmission, type Permit } from '../../src/chat/admission.ts';
import type { LogPage } from '../../src/chat/log-store.ts';
import { roomOf } from '../../src/chat/room.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createEventQueue } from '../../src/server/event-queue.ts';
import { createFirstTasks, type FirstTasksDeps } from '../../src/server/first-tasks.ts';
import type { Session } from '../../src/server/session.ts';
import type { ClientSocket } from '../../src/server/socket-types.ts';
import { silentLog } from '../cluster/silent-log.ts';
import { emitting } from '../support/emitting.ts';
import { partOf } from '../support/part-of.ts';
import { knownIdentity } from './known-identity.ts';

const room = roomOf('/', 'tea');
const EMPTY: LogPage = { epoch: 'e', top: 0, previousEpochs: [], entries: [], more: false, first: 1 };

/** A new connection of Ann's to a room, and what it asked the store and was sent, in that order. */
function setUp({ full = false, goneOnceSubscribed = false } = {}) {
  const happened: string[] = [];
  const user = { id: 'ann', name: 'Ann' };
  const memberships: Session['memberships'] = new Map();
  const connection = Object.assign(new EventEmitter(), {
    readyState: 'open',
    close: () => void happened.push('closes'),
  });
  const socket = {
    nsp: partOf<ClientSocket['nsp']>({ name: '/' }),
    connected: true,
    data: {},
    join: () => undefined as never,
    emit: emitting((event) => happened.push(event)),
    conn: connection as unknown as ClientSocket['conn'],
  };
  const session = partOf<Session>({
    socket: partOf<ClientSocket>(socket),
    queue: createEventQueue(),
    memberships,
    defaultRoom: 'tea',
    user,
    identity: knownIdentity(user),
  });
  let nowMs = 0;
  let leases = 0;
  const admission = createAdmission({ now: () => nowMs, random: () => 0 });
  onTestFinished(admission.close);
  const context = partOf<FirstTasksDeps>({
    sendJoined: () => void happened.push('joined'),
    admission,
    identities: partOf<FirstTasksDeps['identities']>({ isReserved: () => false }),
    connectionBans: { check: async () => undefined },
    limits: partOf<FirstTasksDeps['limits']>({ maxRooms: 50 }),
    joinPages: partOf<FirstTasksDeps['joinPages']>({ read: async () => succeed(EMPTY) }),
    newRooms: { admit: async () => undefined, admitReader: async () => undefined },
    feeds: partOf<FirstTasksDeps['feeds']>({
      async lease() {
        leases += 1;
        if (goneOnceSubscribed) socket.connected = false;
        return succeed({ room, release });
      },
      positionOf: () => undefined,
      async attach(_room, read, admit) {
        const page = await read();
        return page.ok ? succeed(admit(page.value, [])) : page;
      },
    }),
    fanout: { flush: () => undefined },
    presence: partOf<FirstTasksDeps['presence']>({
      async enter() {
        happened.push('enters the room');
        return full
          ? refuse('limit', 'roomid: the room is full')
          : succeed({ users: 1, clients: 1, announce: () => undefined });
      },
      async leave(_room, _userId, why) {
        happened.push(`leaves as ${why}`);
      },
    }),
    readMarkers: partOf<FirstTasksDeps['readMarkers']>({
      joining: async () => async () => undefined,
      joined: () => undefined,
    }),
    roomReads: partOf<FirstTasksDeps['roomReads']>({}),
    textmsgAudience: partOf<FirstTasksDeps['textmsgAudience']>({}),
    enforcement: partOf<FirstTasksDeps['enforcement']>({}),
    log: silentLog,
  });
  function release(): void {
    leases -= 1;
  }
  let store = () => {};
  const answered = new Promise<void>((resolve) => {
    store = resolve;
  });
  async function bind(): Promise<boolean> {
    happened.push('asks for the inbox');
    await answered;
    happened.push('hello');
    return true;
  }
  const firstTasks = createFirstTasks(context);
  /** Takes all permits. Returns how to release them. */
  function takeAll(): () => void {
    const taken: Permit[] = [];
    while (admission.state().inFlight < admission.state().window) {
      const permit = admission.acquire({});
      if (!permit.ok) break;
      void permit.value.begin();
      taken.push(permit.value);
    }
    return () => {
      for (const permit of taken) permit.release();
    };
  }
  return {
    session,
    connection,
    happened,
    firstTasks,
    bind,
    answerBind: () => store(),
    takeAll,
    disconnect() {
      socket.connected = false;
    },
    leases: () => leases,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('a new connection', () => {
  it('asks for its inbox and its room at once, and is sent `joined` after `hello`', async () => {
    const { session, happened, firstTasks, bind, answerBind } = setUp();
    const begun = firstTasks.begin(session, bind, { resume: undefined });
    const asked = ['asks for the inbox', 'enters the room'];
    await vi.waitFor(() => expect(happened).toEqual(asked));
    await new Promise(setImmediate);
    expect([happened, session.memberships.size]).toEqual([asked, 0]);
    answerBind();
    await begun;
    expect(happened).toEqual([...asked, 'hello', 'joined']);
  });

  it('is sent the refusal of its room after `hello`', async () => {
    const { session, happened, firstTasks, bind, answerBind } = setUp({ full: true });
    const begun = firstTasks.begin(session, bind, { resume: undefined });
    await vi.waitFor(() => expect(happened).toContain('enters the room'));
    await new Promise(setImmediate);
    expect(happened).not.toContain('refused');
    answerBind();
    await begun;
    expect(happened.slice(2)).toEqual(['hello', 'refused']);
  });

  it('is closed, joins no room and begins nothing else, if it could not be bound', async () => {
    const { session, happened, firstTasks, connection } = setUp();
    const fails = () => Promise.reject(new Error('broken'));
    const begun = firstTasks.begin(session, fails, { resume: undefined });
    const later = session.queue.run('inTurn', async () => succeed(happened.push('joins another room')));
    const closing = ['closes', 'enters the room'];
    await vi.waitFor(() => expect(happened).toEqual(closing));
    await new Promise(setImmediate);
    expect(happened).toEqual(closing);
    connection.emit('close');
    await begun;
    await later;
    expect(happened).toEqual([...closing, 'leaves as asked', 'joins another room']);
    expect(session.memberships.size).toBe(0);
  });

  it('leaves the room at once and hears no more of it, if its user is not admitted', async () => {
    const { session, happened, firstTasks } = setUp();
    await firstTasks.begin(session, async () => false, { resume: undefined });
    expect(happened).toEqual(['enters the room', 'leaves as asked']);
    expect(session.memberships.size).toBe(0);
  });

  it('in a crowd asks for its room once it is bound, and is not refused there because it waited long for that', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { session, happened, firstTasks, bind, answerBind, takeAll, pass } = setUp();
    const release = takeAll();
    const begun = firstTasks.begin(session, bind, { resume: undefined });
    await new Promise(setImmediate);
    pass(10_000);
    vi.advanceTimersByTime(1_000);
    expect(happened).toEqual([]);
    release();
    await new Promise(setImmediate);
    expect(happened).toEqual(['asks for the inbox']);
    answerBind();
    await begun;
    expect(happened.slice(1)).toEqual(['hello', 'enters the room', 'joined']);
  });

  it('does not enter its room if it is gone already', async () => {
    const { session, happened, firstTasks, bind, answerBind, disconnect } = setUp();
    disconnect();
    answerBind();
    await firstTasks.begin(session, bind, { resume: undefined });
    expect(happened).toEqual(['asks for the inbox', 'hello']);
  });

  it('does not enter its room if it is gone once the worker is subscribed to that', async () => {
    const { session, happened, firstTasks, bind, answerBind, leases } = setUp({ goneOnceSubscribed: true });
    answerBind();
    await firstTasks.begin(session, bind, { resume: undefined });
    expect(happened).toEqual(['asks for the inbox', 'hello']);
    expect(leases()).toBe(0);
  });

  it('lets events of the client begin after the join', async () => {
    const { session, happened, firstTasks, bind, answerBind } = setUp();
    const begun = firstTasks.begin(session, bind, { resume: undefined });
    const said = session.queue.run('pipelined', async () => {
      happened.push('says');
      return succeed(undefined);
    });
    answerBind();
    await Promise.all([begun, said]);
    expect(happened.slice(-2)).toEqual(['joined', 'says']);
  });
});

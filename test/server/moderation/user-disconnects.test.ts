import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { createEventQueue, type EventQueue } from '../../../src/server/event-queue.ts';
import { createUserDisconnects } from '../../../src/server/moderation/user-disconnects.ts';
import type { Membership, Session, UserBinding } from '../../../src/server/session.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { emitting } from '../../support/emitting.ts';
import { partOf } from '../../support/part-of.ts';

function setUp() {
  const happened: string[] = [];
  const sessions: Session[] = [];
  const nsp = Object.assign(new EventEmitter(), {
    name: '/',
    serverSideEmit: (_event: string, _order: string, done?: (failed: null, replies: unknown[]) => void) =>
      done?.(null, []),
  });
  const disconnect = createUserDisconnects({
    endStreams: () => undefined,
    namespaces: [nsp as never],
    // Also who is going over to the user just now.
    logins: { sessionsOf: (inbox) => (inbox.tag === inboxOf('/', 'ann').tag ? sessions : []) },
    flush: ({ roomid }) => happened.push(`${roomid} is written`),
    log: pino({ level: 'silent' }),
  });
  function connect(userId: string, queue: EventQueue = createEventQueue()): Session {
    const socket = partOf<ClientSocket>({
      connected: true,
      emit: emitting<{ code: number }>((event, { code }) => happened.push(`${event} ${code}`)),
      disconnect() {
        happened.push('disconnected');
        return this as ClientSocket;
      },
    });
    const session = partOf<Session>({
      socket,
      user: { id: userId, name: userId },
      queue,
      memberships: new Map([['tea', partOf<Membership>({ room: roomOf('/', 'tea') })]]),
      binding: partOf<UserBinding>({
        async uncount() {
          happened.push('no longer counted');
        },
      }),
    });
    sessions.push(session);
    return session;
  }
  return { happened, connect, disconnect };
}

const ENDED = ['no longer counted', 'tea is written', 'bye 3503', 'disconnected'];

describe('a user whom an operator disconnects', () => {
  it('is no longer counted, has got the messages of their rooms, and gets a bye', async () => {
    const { happened, connect, disconnect } = setUp();
    connect('ann');
    await disconnect('/', 'ann');
    expect(happened).toEqual(ENDED);
  });

  it('includes connections that are just logging in as them, and none that log in as another user', async () => {
    const { happened, connect, disconnect } = setUp();
    for (const [from, to] of [
      ['guest', 'ann'],
      ['ann', 'bob'],
    ] as const) {
      const session = connect(from);
      void session.queue.run('inTurn', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        session.user = { id: to, name: to };
      });
    }
    await disconnect('/', 'ann');
    expect(happened).toEqual(ENDED);
  });

  it('does not evade it with waiting events', async () => {
    const { happened, connect, disconnect } = setUp();
    const tooMany = { ok: false, error: { code: 'rate_limited', message: '', temporary: true } } as const;
    connect('ann', {
      take: async () => tooMany,
      run: async () => tooMany,
    });
    await disconnect('/', 'ann');
    expect(happened).toEqual(ENDED);
  });
});

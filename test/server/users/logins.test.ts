import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/chat/identity.ts';
import type { InboxSnapshot } from '../../../src/chat/inbox/inbox-view.ts';
import { createSharedBuckets } from '../../../src/chat/rate-limit.ts';
import type { Room } from '../../../src/chat/room.ts';
import { type ErrorCode, refuse, succeed } from '../../../src/protocol/codes.ts';
import type { Session } from '../../../src/server/session.ts';
import type { ChatNamespace, ClientSocket } from '../../../src/server/socket-types.ts';
import { createConnectionCounts } from '../../../src/server/users/connection-counts.ts';
import { createLogins, type LoginsDeps } from '../../../src/server/users/logins.ts';
import { emitting } from '../../support/emitting.ts';
import { partOf } from '../../support/part-of.ts';

const named = (id: string) => ({ user: { id, name: id }, known: true, access: {} }) as Identity;
const NOTHING: InboxSnapshot = {
  epoch: 'e',
  top: 0,
  previousEpochs: [],
  first: 1,
  entries: [],
  more: false,
  markers: { recv: 0, read: 0 },
  older: [],
};

/**
 * A worker whose store takes a while; `happened`: what the store has and what the client was told, in that order. `refuses`:
 * an inbox is not read, for that reason, or its page and its live items do not meet. `isAhead`: a live item has come before the first page.
 */
function setUp(refuses?: 'reading' | 'meeting' | ErrorCode, isAhead = false) {
  const happened: string[] = [];
  const roster = {
    async setConnections({ roomid }: Room, connections: number) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      happened.push(`${roomid} has ${connections}`);
      return succeed(undefined);
    },
  };
  const deps: Partial<LoginsDeps> = {
    logs: partOf<LoginsDeps['logs']>({
      async read({ roomid }) {
        happened.push(`${roomid}’s inbox is read`);
        return succeed(NOTHING);
      },
    }),
    feeds: {
      lease: async (room) => succeed({ room, release: () => undefined }),
      async attach(_room, read, admit) {
        if (isAhead) await read();
        const page = await read();
        if (!page.ok) return page;
        return refuses ? refuse('unavailable', 'behind') : succeed(admit(page.value, []));
      },
    } as LoginsDeps['feeds'],
    announcements: { copyInto: async () => succeed(0) },
    announcementFeed: { subscribe: () => undefined },
    delivery: { sent: () => undefined },
    inboxView: partOf<LoginsDeps['inboxView']>({
      read: async () => {
        if (refuses === undefined || refuses === 'meeting') return succeed(NOTHING);
        return refuse(refuses === 'reading' ? 'unavailable' : refuses, 'not read');
      },
      toPushMessage: () => ({ epoch: 'e', top: 0, unread: [], read: [], more: false }),
    }),
    membershipTransfer: {
      async transfer(session, identity) {
        Object.assign(session, { identity, user: identity.user });
        return () => undefined;
      },
    },
    connectionCounts: createConnectionCounts({ roster, log: pino({ level: 'silent' }) }),
    userBuckets: createSharedBuckets({ perMs: 1, burst: 1 }, () => 0),
    onUserChange: async () => undefined,
    onAdmitting: async () => undefined,
    onExcluded: () => undefined,
    now: () => 0,
    degraded: () => false,
    log: pino({ level: 'silent' }),
  };
  const logins = createLogins(deps as LoginsDeps);
  const socket = partOf<ClientSocket>({
    connected: true,
    nsp: partOf<ChatNamespace>({ name: '/' }),
    join: () => undefined,
    leave: () => undefined,
    emit: emitting((event) => happened.push(event)),
  });
  const identity = named('guest');
  const session = partOf<Session>({
    socket,
    identity,
    user: identity.user,
    memberships: new Map(),
    binding: undefined,
  });
  return { logins, session, happened };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('a connection', () => {
  it.each([
    ['unavailable', true],
    ['forbidden', false],
    ['unauthorized', false],
  ] as const)('is told, when its inbox is %s, whether it is admitted', async (code, admitted) => {
    const { logins, session, happened } = setUp(code);
    expect(await logins.bind(session, undefined, () => happened.push('hello'))).toBe(admitted);
    logins.close();
    expect(happened.includes('hello')).toBe(admitted);
  });

  it.each([
    ['is not read', false, ['guest has 1', 'hello']],
    ['is read if somebody has written to it', true, ['guest has 1', 'guest’s inbox is read', 'hello']],
  ])('has an inbox that %s when its id was made just now', async (_, isAhead, expected) => {
    const { logins, session, happened } = setUp(undefined, isAhead);
    session.identity = { ...session.identity, known: false };
    expect(await logins.bind(session, undefined, () => happened.push('hello'))).toBe(true);
    logins.close();
    expect(happened).toEqual(expected);
  });

  it('is not greeted when the store fails in another way', async () => {
    const { logins, session, happened } = setUp('internal');
    const binding = logins.bind(session, undefined, () => happened.push('hello'));
    await expect(binding).rejects.toThrow('the store did not say');
    logins.close();
    expect(happened).not.toContain('hello');
  });
});

describe('a connection that is bound to another user', () => {
  it('gets its answer once every worker counts it for the new user and no longer for the old one', async () => {
    const { logins, session, happened } = setUp();
    await logins.bind(session, undefined, () => happened.push('hello'));
    expect(happened).toEqual(['guest has 1', 'hello', 'push_message']);
    happened.length = 0;
    await logins.rebind(session, named('bob'), () => happened.push('answer'));
    expect(happened.slice(0, 2).sort()).toEqual(['bob has 1', 'guest has 0']);
    expect(happened.slice(2)).toEqual(['answer', 'push_message']);
    logins.end(session);
    await settled();
    expect(happened.slice(4)).toEqual(['bob has 0']);
  });

  /** A login as bob that cannot be, and what the store was told meanwhile. */
  async function refusedLogin(refuses: 'reading' | 'meeting'): Promise<string[]> {
    const { logins, session, happened } = setUp(refuses);
    await logins.bind(session, undefined, () => undefined);
    happened.length = 0;
    const outcome = await logins.rebind(session, named('bob'), () => happened.push('answer'));
    await settled();
    logins.close();
    expect(outcome).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(session.user.id).toBe('guest');
    return happened;
  }

  it('stays with the old user, without a gap, if the new one’s inbox cannot be read', async () => {
    const happened = await refusedLogin('reading');
    expect(happened.sort()).toEqual(['bob has 0', 'bob has 1']);
  });

  it('returns to the old user if the new one’s inbox cannot be attached to the live feed', async () => {
    const happened = await refusedLogin('meeting');
    expect(happened.slice(0, 2).sort()).toEqual(['bob has 1', 'guest has 0']);
    expect(happened.slice(2).sort()).toEqual(['bob has 0', 'guest has 1']);
  });
});

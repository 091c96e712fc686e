import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import type { Identity } from '../../../src/chat/identity.ts';
import { roomOf } from '../../../src/chat/room.ts';
import type { Roster, RosterEntry } from '../../../src/chat/roster.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { MEMBER_RIGHTS, NO_RIGHTS } from '../../../src/protocol/rights.ts';
import type { Session } from '../../../src/server/session.ts';
import type { ChatNamespace, ClientSocket } from '../../../src/server/socket-types.ts';
import { createTextmsgAudience } from '../../../src/server/users/textmsg-audience.ts';
import { emitting } from '../../support/emitting.ts';
import { createMemoryStore } from '../../support/memory-store.ts';
import { partOf } from '../../support/part-of.ts';

const LOBBY_AUDIENCE = socketRoom(roomOf('/', 'lobby', 'lounge'));

interface Said {
  readonly to: readonly string[];
  readonly message: unknown;
}

function setUp() {
  const present = new Map<string, RosterEntry>();
  let storeAway = false;
  let healthKnows = false;
  const found = () => [...present.values()].map(({ userId, username }) => `${userId}: ${username}`);
  const roster = partOf<Roster>({
    async enter(_room, user, _own, clients) {
      if (storeAway) return refuse('unavailable', 'away', 1);
      const changed = !present.has(user.userId);
      present.set(user.userId, user);
      return succeed({ users: present.size, clients, changed });
    },
    async exit(_room, userId, clients) {
      if (storeAway) return refuse('unavailable', 'away', 1);
      return succeed({ users: present.size, clients, changed: present.delete(userId) });
    },
    async setClients(_room, clients) {
      return succeed({ users: present.size, clients });
    },
  });
  const said: Said[] = [];
  const { moderation } = createMemoryStore();
  const textmsgAudience = createTextmsgAudience({
    roster,
    moderation,
    checkConnectionBan: () => undefined,
    degraded: () => healthKnows,
    log: pino({ level: 'silent' }),
  });

  function connection(userId: string, given: { username?: string; roomid?: string; allowed?: boolean } = {}) {
    const rooms = new Set<string>();
    const socket = partOf<ClientSocket>({
      id: `socket of ${userId}`,
      connected: true,
      join: (room) => void rooms.add(room as string),
      leave: (room) => void rooms.delete(room),
      emit: emitting((_event, message) => said.push({ to: [`socket of ${userId}`], message })),
      nsp: partOf<ChatNamespace>({
        name: '/',
        to: (to) =>
          partOf<ReturnType<ChatNamespace['to']>>({
            emit: emitting((_event, message) => said.push({ to: [to].flat(), message })),
          }),
      }),
    });
    const user = { id: userId, name: given.username ?? 'guest-1' };
    const identity: Identity = {
      user,
      named: given.username !== undefined,
      fixed: { name: false, avatar: false },
      known: true,
      access: { rightsIn: () => (given.allowed === false ? NO_RIGHTS : MEMBER_RIGHTS) },
    };
    const session = partOf<Session>({
      socket,
      identity,
      user,
      defaultRoom: given.roomid ?? 'lobby',
      hearsTextmsg: given.roomid === undefined,
      memberships: new Map(),
    });
    return {
      session,
      rooms,
      async goBy(name: string, id = userId) {
        session.user = { id, name };
        session.identity = { ...session.identity, named: true };
        await textmsgAudience.moved(session);
      },
      disconnect() {
        socket.connected = false;
        textmsgAudience.leave(session);
      },
    };
  }
  return {
    textmsgAudience,
    said,
    found,
    connection,
    cutOff() {
      storeAway = true;
    },
    noticeIt() {
      healthKnows = true;
    },
    restore() {
      storeAway = false;
      healthKnows = false;
    },
  };
}

describe('the audience of textmsg', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const settled = () => vi.advanceTimersByTimeAsync(0);

  it('has the connections without a room, found if they have a name', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const [ann, guest] = [connection('ann', { username: 'Ann' }), connection('g-1')];
    for (const { session } of [ann, guest]) textmsgAudience.enter(session);
    await settled();
    for (const { rooms } of [ann, guest]) expect([...rooms]).toEqual([LOBBY_AUDIENCE]);
    expect(found()).toEqual(['ann: Ann']);
  });

  it('does not have connections with a room or without the right to the default one', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const inRoom = connection('ann', { username: 'Ann', roomid: 'k12' });
    const barred = connection('bob', { username: 'Bob', allowed: false });
    for (const { session } of [inRoom, barred]) textmsgAudience.enter(session);
    await settled();
    for (const { rooms } of [inRoom, barred]) expect([...rooms]).toEqual([]);
    expect(found()).toEqual([]);
  });

  it('loses a connection whose right to the room ends', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const ann = connection('ann', { username: 'Ann' });
    textmsgAudience.enter(ann.session);
    await settled();
    ann.session.identity = { ...ann.session.identity, access: { rightsIn: () => NO_RIGHTS } };
    await textmsgAudience.moved(ann.session);
    await settled();
    expect([...ann.rooms]).toEqual([]);
    expect(found()).toEqual([]);
  });

  it('finds a guest by a later name at once', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const guest = connection('g-1');
    textmsgAudience.enter(guest.session);
    await guest.goBy('Ann');
    expect(found()).toEqual(['g-1: Ann']);
    await guest.goBy('Bob');
    expect(found()).toEqual(['g-1: Bob']);
  });

  it('removes the old user when a connection logs in as another one', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const guest = connection('g-1', { username: 'Ann' });
    textmsgAudience.enter(guest.session);
    await guest.goBy('Ann', 'ann');
    await settled();
    expect(found()).toEqual(['ann: Ann']);
  });

  it('keeps a user until the last connection is gone, then at once', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const tabs = [connection('ann', { username: 'Ann' }), connection('ann', { username: 'Ann' })];
    for (const { session } of tabs) textmsgAudience.enter(session);
    await settled();
    tabs[0]?.disconnect();
    await settled();
    expect(found()).toEqual(['ann: Ann']);
    tabs[1]?.disconnect();
    await settled();
    expect(found()).toEqual([]);
  });

  it('keeps no user who left while being entered', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const ann = connection('ann', { username: 'Ann' });
    textmsgAudience.enter(ann.session);
    ann.disconnect();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(found()).toEqual([]);
  });

  it('keeps no user who was renamed while being entered and left', async () => {
    const { textmsgAudience, found, connection } = setUp();
    const ann = connection('ann', { username: 'Ann' });
    textmsgAudience.enter(ann.session);
    await Promise.resolve();
    await ann.goBy('Anna');
    await settled();
    expect(found()).toEqual(['ann: Anna']);
    ann.disconnect();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(found()).toEqual([]);
  });

  it('finds all users again after the store was away, but not those who left meanwhile', async () => {
    const { textmsgAudience, found, connection, cutOff, restore } = setUp();
    const [ann, bob] = [connection('ann', { username: 'Ann' }), connection('bob', { username: 'Bob' })];
    cutOff();
    for (const { session } of [ann, bob]) textmsgAudience.enter(session);
    await vi.advanceTimersByTimeAsync(10_000);
    bob.disconnect();
    restore();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(found()).toEqual(['ann: Ann']);
  });

  it('does not wait for the next attempt once the store is known to be back', async () => {
    const { textmsgAudience, found, connection, cutOff, noticeIt, restore } = setUp();
    const ann = connection('ann', { username: 'Ann' });
    cutOff();
    textmsgAudience.enter(ann.session);
    await settled();
    noticeIt();
    await vi.advanceTimersByTimeAsync(3_000);
    restore();
    textmsgAudience.resync();
    await settled();
    expect(found()).toEqual(['ann: Ann']);
  });

  it('names a connection once', () => {
    const { textmsgAudience, connection } = setUp();
    const [ann, bob] = [connection('ann').session, connection('bob').session];
    expect([ann, ann, bob].map(textmsgAudience.introduces)).toEqual([true, false, true]);
  });

  it('gets a text together with the room, and the sender of a string first', () => {
    const { textmsgAudience, said, connection } = setUp();
    const { session } = connection('ann');
    expect(textmsgAudience.broadcast(session, 'hi')).toMatchObject({ ok: true });
    expect(textmsgAudience.broadcast(session, { name: 'Ann', content: 'ho' })).toMatchObject({ ok: true });
    const everybody = [socketRoom(roomOf('/', 'lobby')), LOBBY_AUDIENCE];
    expect(said).toEqual([
      { to: ['socket of ann'], message: 'hi' },
      { to: everybody, message: 'hi' },
      { to: everybody, message: { name: 'Ann', content: 'ho' } },
    ]);
  });

  it('sends nothing while the store is away', () => {
    const { textmsgAudience, said, connection, noticeIt } = setUp();
    noticeIt();
    expect(textmsgAudience.broadcast(connection('ann').session, 'hi')).toMatchObject({
      error: { code: 'unavailable', temporary: true },
    });
    expect(said).toEqual([]);
  });
});

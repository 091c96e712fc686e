import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/chat/identity.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import type { RoomSubscriptions } from '../../../src/chat/room-subscriptions.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { MEMBER_RIGHTS, NO_RIGHTS } from '../../../src/protocol/rights.ts';
import type { Session } from '../../../src/server/session.ts';
import type { ChatNamespace, ClientSocket } from '../../../src/server/socket-types.ts';
import { createReadMarkers } from '../../../src/server/users/read-markers.ts';
import { partOf } from '../../support/part-of.ts';

const away = refuse('unavailable', 'away');

function setUp() {
  const stored = new Map<string, Map<string, { read: number; joined: boolean }>>();
  const tops = new Map<string, number>();
  const said = new Map<string, number>();
  const sessions: Session[] = [];
  const raised: (readonly [roomid: string, userId: string, seq: number])[] = [];
  let raises = 0;
  let failing: readonly (keyof RoomSubscriptions | 'raise')[] = [];
  const of = (tag: string) => stored.get(tag) ?? new Map<string, { read: number; joined: boolean }>();
  const subscriptions: RoomSubscriptions = {
    async set({ tag }, roomid, joined, top = 0) {
      if (failing.includes('set')) return away;
      const rooms = of(tag);
      const changed = (rooms.get(roomid)?.joined ?? false) !== joined;
      if (joined) rooms.set(roomid, { read: rooms.get(roomid)?.read ?? top, joined });
      else rooms.delete(roomid);
      stored.set(tag, rooms);
      return succeed(changed);
    },
    async raiseReadMarker({ tag }, roomid, seq) {
      if (failing.includes('raiseReadMarker')) return away;
      const rooms = of(tag);
      const { read = 0, joined = false } = rooms.get(roomid) ?? {};
      rooms.set(roomid, { read: Math.max(read, seq), joined });
      stored.set(tag, rooms);
      return succeed(Math.max(read, seq));
    },
    has: async ({ tag }, roomid) => succeed(of(tag).get(roomid)?.joined ?? false),
    async list({ tag }) {
      if (failing.includes('list')) return away;
      return succeed(
        [...of(tag)].flatMap(([roomid, { read, joined }]) => (joined ? [{ roomid, read }] : [])),
      );
    },
  };
  const readMarkers = createReadMarkers({
    subscriptions,
    logs: {
      async unread(asked) {
        const found = asked.map(({ room, reader, read: given }) => {
          const top = tops.get(room.roomid) ?? 0;
          const read = Math.max(given, said.get(`${reader} ${room.roomid}`) ?? 0);
          return { top, read, unread: Math.max(0, top - read) };
        });
        return succeed(found);
      },
    },
    roomReaders: {
      async raise({ roomid }, reader, seq) {
        raises += 1;
        if (failing.includes('raise')) return away;
        said.set(`${reader} ${roomid}`, Math.max(seq, said.get(`${reader} ${roomid}`) ?? 0));
        return succeed(undefined);
      },
    },
    onRaised: ({ roomid }, userId, seq) => raised.push([roomid, userId, seq]),
    roster: {
      async isOnlineIn({ roomid }, userId) {
        if (failing.includes('list')) return away;
        const within = ({ user, memberships }: Session) => user.id === userId && memberships.has(roomid);
        return succeed(sessions.some(within));
      },
    },
    log: pino({ level: 'silent' }),
  });
  /** A connection that is in these rooms. */
  function connect(userId: string, roomids: readonly string[] = [], allows = (_roomid: string) => true) {
    const session = partOf<Session>({
      socket: partOf<ClientSocket>({ nsp: partOf<ChatNamespace>({ name: '/' }) }),
      user: { id: userId, name: userId },
      identity: partOf<Identity>({
        access: { rightsIn: (roomid) => (allows(roomid) ? MEMBER_RIGHTS : NO_RIGHTS) },
        guestToken: userId.startsWith('g-') ? 'x' : undefined,
      }),
      memberships: new Map(),
    });
    sessions.push(session);
    for (const roomid of roomids) void join(session, roomid);
    return session;
  }
  function join(session: Session, roomid: string) {
    const lease = { room: roomOf('/', roomid), release: () => undefined };
    const top = tops.get(roomid) ?? 0;
    const noted = readMarkers.joining(session, roomid, top);
    const known = session.memberships.get(roomid);
    session.memberships.set(roomid, known ?? { room: roomOf('/', roomid), lease });
    readMarkers.joined(session, roomid, top);
    return noted;
  }
  return {
    readMarkers,
    connect,
    join,
    tops,
    say(userId: string, roomid: string) {
      const top = (tops.get(roomid) ?? 0) + 1;
      tops.set(roomid, top);
      said.set(`${inboxOf('/', userId).tag} ${roomid}`, top);
    },
    async leave(session: Session, roomid: string) {
      session.memberships.delete(roomid);
      await readMarkers.left(session, roomid);
    },
    stored: (userId: string) => of(inboxOf('/', userId).tag),
    raised,
    raises: () => raises,
    fail: (...calls: (keyof RoomSubscriptions | 'raise')[]) => {
      failing = calls;
    },
  };
}

describe('the rooms of a user', () => {
  it('are stored with the next join after the store was away, and listed for this connection until then', async () => {
    const { readMarkers, connect, join, tops, stored, fail } = setUp();
    tops.set('tea', 5);
    fail('set', 'list');
    const session = connect('ann', ['tea']);
    expect(await readMarkers.mine(session)).toEqual(away);
    expect(stored('ann').get('tea')?.joined).toBeFalsy();
    fail();
    tops.set('tea', 7);
    const shown = succeed({ rooms: [{ roomid: 'tea', top: 7, read: 5, unread: 2 }] });
    expect(await readMarkers.mine(session)).toEqual(shown);
    await join(session, 'tea');
    expect(stored('ann').get('tea')?.joined).toBe(true);
    expect(await readMarkers.mine(session)).toEqual(shown);
  });

  it('that were left stay left, even if the leave overtakes the join’s write', async () => {
    const { readMarkers, connect, stored } = setUp();
    const session = connect('ann', ['tea']);
    session.memberships.delete('tea');
    await readMarkers.left(session, 'tea');
    expect(stored('ann').size).toBe(0);
    expect(await readMarkers.mine(session)).toEqual(succeed({ rooms: [] }));
  });

  it('are unchanged after a refused join', async () => {
    const { readMarkers, connect, stored } = setUp();
    const session = connect('ann');
    const [first, again] = [
      await readMarkers.joining(session, 'tea', 3),
      await readMarkers.joining(session, 'tea', 9),
    ];
    await again();
    expect([...stored('ann')]).toEqual([['tea', { read: 3, joined: true }]]);
    await first();
    expect([...stored('ann')]).toEqual([]);
    const guest = connect('g-1');
    await (await readMarkers.joining(guest, 'tea', 3))();
    expect([...stored('g-1')]).toEqual([]);
  });

  it('are added for another user when a connection in them logs in as that user', async () => {
    const { readMarkers, connect, tops, stored } = setUp();
    tops.set('tea', 3);
    const session = connect('ann', ['tea']);
    tops.set('tea', 9);
    session.user = { id: 'bob', name: 'bob' };
    await readMarkers.moved(session);
    expect([...stored('bob')]).toEqual([['tea', { read: 3, joined: true }]]);
  });

  it('are those the token allows', async () => {
    const { readMarkers, connect } = setUp();
    await readMarkers.mine(connect('ann', ['tea', 'milk']));
    const later = connect('ann', [], (roomid) => roomid !== 'tea');
    expect(await readMarkers.mine(later)).toMatchObject({ value: { rooms: [{ roomid: 'milk' }] } });
    expect(await readMarkers.read(later, 'tea', 1)).toMatchObject({ error: { code: 'not_joined' } });
  });

  it('keep the marker when they are joined again', async () => {
    const { readMarkers, connect, tops } = setUp();
    tops.set('tea', 3);
    await readMarkers.mine(connect('ann', ['tea']));
    tops.set('tea', 9);
    const other = connect('ann', ['tea']);
    expect(await readMarkers.mine(other)).toMatchObject({ value: { rooms: [{ read: 3, unread: 6 }] } });
    expect(await readMarkers.read(other, 'tea', 100)).toEqual(succeed({ roomid: 'tea', read: 9 }));
  });

  it('keep their markers while another connection of the user is in them, the same for each', async () => {
    const { readMarkers, connect, leave, tops, stored } = setUp();
    tops.set('tea', 3);
    const tabs = [connect('ann', ['tea']), connect('ann', ['tea'])] as const;
    await Promise.all(tabs.map((tab) => readMarkers.mine(tab)));
    tops.set('tea', 9);
    expect(await readMarkers.read(tabs[0], 'tea', 5)).toEqual(succeed({ roomid: 'tea', read: 5 }));
    await leave(tabs[0], 'tea');
    const shown = succeed({ rooms: [{ roomid: 'tea', top: 9, read: 5, unread: 4 }] });
    for (const tab of tabs) expect(await readMarkers.mine(tab)).toEqual(shown);
    expect(await readMarkers.read(tabs[0], 'tea', 6)).toEqual(succeed({ roomid: 'tea', read: 6 }));
    await leave(tabs[1], 'tea');
    expect(stored('ann').size).toBe(0);
    for (const tab of tabs) expect(await readMarkers.mine(tab)).toEqual(succeed({ rooms: [] }));
  });

  it('are read up to the user’s own newest message, which no marker lowers', async () => {
    const { readMarkers, connect, say, tops } = setUp();
    tops.set('tea', 3);
    const ann = connect('ann', ['tea']);
    tops.set('tea', 6);
    say('ann', 'tea');
    tops.set('tea', 9);
    expect(await readMarkers.mine(ann)).toMatchObject({ value: { rooms: [{ top: 9, read: 7, unread: 2 }] } });
    expect(await readMarkers.read(ann, 'tea', 5)).toEqual(succeed({ roomid: 'tea', read: 7 }));
    expect(await readMarkers.read(ann, 'tea', 8)).toEqual(succeed({ roomid: 'tea', read: 8 }));
  });

  it('of a guest are not stored', async () => {
    const { readMarkers, connect, tops, stored } = setUp();
    tops.set('tea', 3);
    const guest = connect('g-1', ['tea']);
    tops.set('tea', 4);
    expect(await readMarkers.mine(guest)).toMatchObject({ value: { rooms: [{ read: 3, unread: 1 }] } });
    expect(await readMarkers.read(guest, 'tea', 4)).toEqual(succeed({ roomid: 'tea', read: 4 }));
    expect(await readMarkers.read(guest, 'tea', 1)).toEqual(succeed({ roomid: 'tea', read: 4 }));
    expect(stored('g-1').size).toBe(0);
  });

  it('are told to the others when a read raises the marker that they see, those of guests never', async () => {
    const { readMarkers, connect, say, tops, raised, raises, fail } = setUp();
    tops.set('tea', 3);
    const [ann, guest] = [connect('ann', ['tea']), connect('g-1', ['tea'])];
    tops.set('tea', 6);
    for (const seq of [4, 4, 3, 99]) await readMarkers.read(ann, 'tea', seq);
    await readMarkers.read(guest, 'tea', 6);
    say('ann', 'tea');
    await readMarkers.read(ann, 'tea', 7);
    const told = [
      ['tea', 'ann', 4],
      ['tea', 'ann', 6],
    ];
    expect(raised).toEqual(told);
    expect(raises()).toBe(2);
    tops.set('tea', 9);
    fail('raise');
    expect(await readMarkers.read(ann, 'tea', 8)).toEqual(succeed({ roomid: 'tea', read: 8 }));
    expect(raised).toEqual(told);
    fail();
    await readMarkers.read(ann, 'tea', 9);
    expect(raised).toEqual([...told, ['tea', 'ann', 9]]);
  });
});

import { EventEmitter, once } from 'node:events';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { inboxOf, type Room, roomOf } from '../../../src/chat/room.ts';
import { createEventQueue, type EventQueue } from '../../../src/server/event-queue.ts';
import { createConnectionMutes } from '../../../src/server/moderation/connection-mutes.ts';
import { createEnforcement } from '../../../src/server/moderation/enforcement.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import type { ConnectionBudget } from '../../../src/server/transport/connection-budget.ts';
import { emitting } from '../../support/emitting.ts';
import { eventually } from '../../support/eventually.ts';
import { createMemoryStore } from '../../support/memory-store.ts';
import { partOf } from '../../support/part-of.ts';

const tea = roomOf('/', 'tea');
const milk = roomOf('/', 'milk');

/** Two workers that hear of one another as long as `connected`. */
function setUp() {
  const store = createMemoryStore();
  const nsps: EventEmitter[] = [];
  let connected = true;
  let degraded = false;

  function worker() {
    const sessions: Session[] = [];
    const barred: string[] = [];
    const nsp = Object.assign(new EventEmitter(), {
      name: '/',
      serverSideEmit(event: string, order: unknown, done?: (failed: null, replies: unknown[]) => void) {
        const others = nsps.filter((other) => other !== nsp && connected);
        for (const other of others) other.emit(event, structuredClone(order), () => done?.(null, others));
        if (others.length === 0) done?.(null, []);
      },
    });
    nsps.push(nsp);
    const carried: unknown[] = [];
    const enforcement = createEnforcement({
      endStreams: () => undefined,
      namespaces: [nsp as never],
      logins: {
        sessionsOf: (inbox) => sessions.filter(({ user }) => inboxOf('/', user.id).tag === inbox.tag),
        sessions: () => sessions,
      },
      banFromTextmsg: (session, roomid) => barred.push(`${session.user.id} ${roomid}`),
      moderation: store.moderation,
      connectionBans: {
        note: ({ user }) => `address of ${user.id}`,
        noteAddress: (...note) => carried.push(note),
      },
      connectionMutes: createConnectionMutes('open'),
      async leave(session, roomid) {
        session.memberships.delete(roomid);
      },
      degraded: () => degraded,
      now: store.now,
      log: pino({ level: 'silent' }),
    });
    function connect(userId: string, rooms: readonly Room[], queue: EventQueue = createEventQueue()) {
      const heard: unknown[] = [];
      const memberships = new Map(rooms.map((room) => [room.roomid, partOf<Membership>({ room })]));
      const socket = partOf<ClientSocket>({
        nsp: nsp as never,
        emit: emitting<object>((event, data) => heard.push({ event, ...data })),
      });
      const user = { id: userId, name: userId };
      const budget = partOf<ConnectionBudget>({});
      const session = partOf<Session>({ socket, user, memberships, queue, budget });
      sessions.push(session);
      return { heard, rooms: () => [...memberships.keys()], memberships, queue, session };
    }
    return { enforcement, connect, barred, carried };
  }
  return {
    store,
    here: worker(),
    there: worker(),
    connection: (up: boolean) => {
      connected = up;
    },
    degrade: () => {
      degraded = true;
    },
  };
}

describe('the enforcement of moderation', () => {
  it('removes the user’s connections on every worker from that room, and no one else’s', async () => {
    const { here, there } = setUp();
    const devices = [here.connect('Bob', [tea, milk]), there.connect('Bob', [tea, milk])];
    const others = [here.connect('Ann', [tea]), there.connect('Bob', [milk])];
    const removed = await here.enforcement.remove(tea, 'Bob', { code: 'banned', until: 7 });
    expect(removed).toMatchObject({ ok: true });
    for (const { heard, rooms } of devices) {
      expect(heard).toEqual([{ event: 'removed', roomid: 'tea', code: 'banned', until: 7 }]);
      expect(rooms()).toEqual(['milk']);
    }
    expect(others.map(({ heard, rooms }) => [heard, rooms()])).toEqual([
      [[], ['tea']],
      [[], ['milk']],
    ]);
  });

  it('sends muted to the user’s connections in the room, and leaves them there', async () => {
    const { here, there } = setUp();
    const [inside, outside] = [there.connect('Bob', [tea]), there.connect('Bob', [milk])];
    await here.enforcement.mute(tea, 'Bob', {});
    expect(inside.heard).toEqual([{ event: 'muted', roomid: 'tea' }]);
    expect([inside.rooms(), outside.heard]).toEqual([['tea'], []]);
  });

  it('removes a connection that was just being admitted', async () => {
    const { here } = setUp();
    const bob = here.connect('Bob', []);
    const admitted = new EventEmitter();
    void bob.queue.run('inTurn', async () => {
      await once(admitted, 'now');
      bob.memberships.set('tea', { room: tea } as Membership);
    });
    void here.enforcement.remove(tea, 'Bob', { code: 'kicked' });
    await eventually(() => expect(admitted.emit('now')).toBe(true));
    await eventually(() => expect(bob.heard).toEqual([{ event: 'removed', roomid: 'tea', code: 'kicked' }]));
    expect(bob.rooms()).toEqual([]);
  });

  it('is not evaded by waiting events', async () => {
    const { here } = setUp();
    const tooMany = { ok: false, error: { code: 'rate_limited', message: '', temporary: true } } as const;
    const refuseAll: EventQueue = {
      take: async () => tooMany,
      run: async () => tooMany,
    };
    const bob = here.connect('Bob', [tea], refuseAll);
    await here.enforcement.remove(tea, 'Bob', { code: 'kicked' });
    await eventually(() => expect(bob.rooms()).toEqual([]));
  });

  it('removes users that the store lists as banned at the next check, with the end of the ban', async () => {
    const { store, here, there } = setUp();
    const [bob, ann] = [here.connect('Bob', [tea, milk]), here.connect('Ann', [tea])];
    const elsewhere = there.connect('Bob', [tea]);
    await store.moderation.restrict(tea, 'Bob', 'ban', 60);
    await store.moderation.restrict(tea, 'Ann', 'mute', 60);
    expect(await here.enforcement.banOf(tea, 'Bob')).toMatchObject({
      error: { code: 'forbidden', retryAfterMs: expect.any(Number) },
    });
    expect(await here.enforcement.banOf(tea, 'Ann')).toBeUndefined();
    expect(await here.enforcement.banOf(milk, 'Bob')).toBeUndefined();
    await eventually(() => expect(bob.heard).toMatchObject([{ event: 'removed', code: 'banned' }]));
    expect([bob.rooms(), ann.rooms(), here.barred]).toEqual([['milk'], ['tea'], ['Bob tea']]);
    expect(elsewhere.rooms()).toEqual(['tea']);
  });

  it('finds all users who were banned while the bus was away', async () => {
    const { store, connection, here, there } = setUp();
    const far = Array.from({ length: 250 }, (_, n) => there.connect(`user ${n}`, [tea, milk]));
    connection(false);
    for (const n of [3, 249]) {
      await store.moderation.restrict(tea, `user ${n}`, 'ban');
      await here.enforcement.remove(tea, `user ${n}`, { code: 'banned' });
    }
    expect(far[3]?.rooms()).toEqual(['tea', 'milk']);
    await there.enforcement.review();
    await eventually(() =>
      expect(far.flatMap(({ rooms }, n) => (rooms().length === 1 ? [n] : []))).toEqual([3, 249]),
    );
  });

  it('leaves a connection alone that has another user by then', async () => {
    const { here } = setUp();
    const bob = here.connect('Bob', [tea]);
    void bob.queue.run('inTurn', async () => {
      bob.session.user = { id: 'Ann', name: 'Ann' };
    });
    await here.enforcement.remove(tea, 'Bob', { code: 'kicked' });
    await bob.queue.run('inTurn', async () => undefined);
    expect([bob.heard, bob.rooms()]).toEqual([[], ['tea']]);
  });

  it('removes a banned user whose worker missed the ban, once the store refuses them', async () => {
    const { here, there, store, connection } = setUp();
    const bob = there.connect('Bob', [tea]);
    const banned = await store.moderation.restrict(tea, 'Bob', 'ban', 60);
    connection(false);
    await here.enforcement.remove(tea, 'Bob', { code: 'banned', ...(banned.ok ? banned.value : {}) });
    there.enforcement.onRefused(tea, 'Bob');
    const until = banned.ok ? banned.value.until : undefined;
    await eventually(() =>
      expect(bob.heard).toEqual([{ event: 'removed', roomid: 'tea', code: 'banned', until }]),
    );
  });

  it('does not remove a muted user', async () => {
    const { here, store } = setUp();
    const bob = here.connect('Bob', [tea]);
    await store.moderation.restrict(tea, 'Bob', 'mute');
    here.enforcement.onRefused(tea, 'Bob');
    await store.moderation.restrictions(tea, 'Bob');
    await bob.queue.run('inTurn', async () => undefined);
    expect([bob.heard, bob.rooms()]).toEqual([[], ['tea']]);
  });

  it('returns why a user may not send, and for how long', async () => {
    const { here, store } = setUp();
    const why = async () => (await here.enforcement.refusalOf(tea, 'Bob'))?.error;
    expect(await why()).toBeUndefined();
    await store.moderation.restrict(tea, 'Bob', 'mute', 60);
    expect(await why()).toMatchObject({
      code: 'forbidden',
      message: 'roomid: muted in this room',
      retryAfterMs: 60_000,
    });
    await store.moderation.restrict(tea, 'Bob', 'ban');
    const banned = await why();
    expect(banned).toMatchObject({ code: 'forbidden', message: 'roomid: banned from this room' });
    expect(banned).not.toHaveProperty('retryAfterMs');
    store.fail(() => true);
    expect(await why()).toMatchObject({ code: 'unavailable' });
  });

  it('extends a ban to the address of the banned connection, on every worker', async () => {
    const { here, there } = setUp();
    here.connect('Bob', [tea]);
    await here.enforcement.remove(tea, 'Bob', { code: 'banned' });
    const note = ['address of Bob', expect.objectContaining({ roomid: 'tea' }), 'Bob'];
    await eventually(() => expect([here.carried, there.carried]).toEqual([[note], [note]]));
    await here.enforcement.remove(milk, 'Bob', { code: 'kicked' });
    expect(here.carried).toHaveLength(1);
  });

  it('applies a mute to the next user of the connection, until it is over', async () => {
    const { here, store } = setUp();
    const bob = here.connect('Bob', [tea, milk]);
    const ann = here.connect('Ann', [tea]);
    const carried = (room = tea) => here.enforcement.connectionRefusal(bob.session, room);
    expect(carried()).toBeUndefined();
    const restricted = await store.moderation.restrict(tea, 'Bob', 'mute', 60);
    await here.enforcement.mute(tea, 'Bob', restricted.ok ? restricted.value : {});
    // The store itself refuses Bob.
    expect(carried()).toBeUndefined();
    bob.session.user = { id: 'Carl', name: 'Carl' };
    expect(await carried()).toMatchObject({ error: { code: 'forbidden', retryAfterMs: expect.any(Number) } });
    expect(carried(milk)).toBeUndefined();
    expect(here.enforcement.connectionRefusal(ann.session, tea)).toBeUndefined();
    await store.moderation.lift(tea, 'Bob', 'mute');
    expect(await carried()).toBeUndefined();
    // Forgotten: nobody is asked any more.
    expect(carried()).toBeUndefined();
  });

  it.each(['refusalOf', 'onRefused'] as const)(
    'applies an earlier mute once it is found, by %s',
    async (by) => {
      const { here, store } = setUp();
      const bob = here.connect('Bob', [tea]);
      await store.moderation.restrict(tea, 'Bob', 'mute');
      await here.enforcement[by](tea, 'Bob');
      await store.moderation.restrictions(tea, 'Bob');
      bob.session.user = { id: 'Carl', name: 'Carl' };
      expect(await here.enforcement.connectionRefusal(bob.session, tea)).toMatchObject({ ok: false });
    },
  );

  it('kicks no user while the bus is away', async () => {
    const { here, degrade } = setUp();
    const bob = here.connect('Bob', [tea]);
    degrade();
    expect(await here.enforcement.remove(tea, 'Bob', { code: 'kicked' })).toMatchObject({
      error: { code: 'unavailable' },
    });
    expect(bob.rooms()).toEqual(['tea']);
  });
});

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Identity } from '../../../src/chat/identity.ts';
import { createPresence } from '../../../src/chat/presence.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { createEventQueue } from '../../../src/server/event-queue.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import { createMembershipTransfer } from '../../../src/server/users/membership-transfer.ts';
import { partOf } from '../../support/part-of.ts';

const tea = roomOf('/', 'tea');
const named = (id: string) => ({ user: { id, name: id } }) as Identity;

/** One worker and a store that takes nobody in while it is `full`. */
function setUp() {
  const inRoom = new Map<string, number>();
  const told: string[] = [];
  const banned: string[] = [];
  let full = false;
  let refused: string | undefined;
  const presence = createPresence({
    roster: {
      async enter(_room, { userId }, own, clients) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (full) return refuse('unavailable', 'OOM');
        if (userId === refused) return refuse('forbidden', 'banned');
        const changed = !inRoom.has(userId);
        inRoom.set(userId, own);
        return succeed({ users: inRoom.size, clients, changed });
      },
      async exit(_room, userId, clients) {
        return succeed({ users: inRoom.size, clients, changed: inRoom.delete(userId) });
      },
      setClients: async (_room, clients) => succeed({ users: inRoom.size, clients }),
      reap: async () => succeed([]),
    },
    onJoin: (_room, { userId }) => told.push(`${userId} came`),
    onQuit: (_room, { userId }) => told.push(`${userId} left`),
    log: pino({ level: 'silent' }),
  });
  const moves = createMembershipTransfer({
    presence,
    onBanned: (_room, userId) => banned.push(userId),
    log: pino({ level: 'silent' }),
  });
  async function connect(id: string, rooms = [tea]): Promise<Session> {
    const memberships = new Map<string, Membership>();
    for (const room of rooms) {
      memberships.set(room.roomid, { room, lease: { room, release: () => undefined } });
      const entering = presence.enter(room, { userId: id, username: id });
      await vi.advanceTimersByTimeAsync(50);
      const entered = await entering;
      if (entered.ok) entered.value.announce();
    }
    return partOf<Session>({ user: named(id).user, memberships, queue: createEventQueue() });
  }
  /** As the gateway does when a connection is lost. */
  function disconnect({ memberships, user }: Session): void {
    for (const { room, uncounted } of memberships.values()) {
      if (!uncounted) void presence.leave(room, user.id, 'lost');
    }
    memberships.clear();
  }
  async function move(session: Session, id: string): Promise<void> {
    const moved = moves.transfer(session, named(id));
    await vi.advanceTimersByTimeAsync(50);
    (await moved)();
  }
  return {
    moves,
    connect,
    disconnect,
    move,
    told,
    banned,
    inRoom: () => [...inRoom],
    fill: (yes: boolean) => {
      full = yes;
    },
    ban: (id: string) => {
      refused = id;
    },
  };
}

describe('a connection that logs in as another user', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('takes its rooms along: the old user leaves, the new one joins', async () => {
    const { connect, move, told, inRoom } = setUp();
    const session = await connect('ann');
    await move(session, 'bob');
    expect(inRoom()).toEqual([['bob', 1]]);
    expect(told).toEqual(['ann came', 'ann left', 'bob came']);
  });

  it('is retried in the rooms that the store did not accept, without harm to others at its end', async () => {
    const { connect, disconnect, move, inRoom, fill } = setUp();
    const tab = await connect('bob');
    const [early, late] = [await connect('ann'), await connect('carl')];
    fill(true);
    await move(early, 'bob');
    await move(late, 'bob');
    disconnect(early);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(inRoom()).toEqual([['bob', 1]]);
    fill(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(inRoom()).toEqual([['bob', 2]]);
    disconnect(tab);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(inRoom()).toEqual([['bob', 1]]);
    disconnect(late);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(inRoom()).toEqual([]);
  });

  it('leaves no user behind if the connection is lost meanwhile', async () => {
    const { connect, disconnect, moves, inRoom } = setUp();
    const session = await connect('ann');
    const moved = moves.transfer(session, named('bob'));
    disconnect(session);
    await vi.advanceTimersByTimeAsync(20_000);
    (await moved)();
    expect(inRoom()).toEqual([]);
  });

  it('is removed from rooms where the new user is banned', async () => {
    const { connect, move, banned, inRoom, ban } = setUp();
    ban('bob');
    await move(await connect('ann'), 'bob');
    expect([banned, inRoom()]).toEqual([['bob'], []]);
  });

  it('does not wait for connections with many rooms whose clients read slowly', async () => {
    const { connect, move, inRoom, fill } = setUp();
    const rooms = Array.from({ length: 50 }, (_, index) => roomOf('/', `room ${index}`));
    const behind = [await connect('ann', rooms), await connect('bob', rooms)];
    const dora = await connect('carl');
    fill(true);
    for (const [index, session] of behind.entries()) {
      void session.queue.run('inTurn', () => new Promise(() => undefined));
      await move(session, `behind ${index}`);
    }
    await vi.advanceTimersByTimeAsync(5_000);
    await move(dora, 'dora');
    fill(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(inRoom()).toEqual([['dora', 1]]);
  });

  it('is not retried after close', async () => {
    const { connect, move, moves, fill } = setUp();
    const session = await connect('ann');
    fill(true);
    await move(session, 'bob');
    moves.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

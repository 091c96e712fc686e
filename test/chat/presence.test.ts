import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPresence, type PresenceDeps } from '../../src/chat/presence.ts';
import { roomOf } from '../../src/chat/room.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';

const room = roomOf('/', 'lobby');
const ann = { userId: 'ann', username: 'Ann' };

function setUp() {
  const told: string[] = [];
  const present = new Set<string>();
  let failing = 0;
  let stored = 0;
  const counts = (clients: number) => ({ users: present.size, clients });
  const roster: PresenceDeps['roster'] = {
    async enter(_room, user, clients) {
      if (failing > 0) return refuse('unavailable', 'away');
      const changed = !present.has(user.userId);
      present.add(user.userId);
      return succeed({ ...counts(clients), changed });
    },
    async exit(_room, userId, clients) {
      if (failing > 0) {
        failing -= 1;
        return refuse('unavailable', 'away');
      }
      return succeed({ ...counts(clients), changed: present.delete(userId) });
    },
    async recount(_room, clients) {
      if (failing > 0) return refuse('unavailable', 'away');
      stored = clients;
      return succeed(counts(clients));
    },
    sweep: async () => succeed([{ room, user: ann }]),
  };
  const presence = createPresence({
    roster,
    onJoin: (_room, { userId }) => told.push(`${userId} came`),
    onQuit: (_room, { userId }) => told.push(`${userId} left`),
    log: pino({ level: 'silent' }),
  });
  async function enter() {
    const entered = await presence.enter(room, ann);
    if (!entered.ok) throw new Error('not entered');
    entered.value.announce();
    return entered.value;
  }
  return {
    told,
    presence,
    enter,
    stored: () => stored,
    fail: (times: number) => {
      failing = times;
    },
  };
}

describe('presence in a room', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('tells of a user once, however many tabs come', async () => {
    const { told, enter } = setUp();
    expect(await enter()).toMatchObject({ users: 1, clients: 1 });
    expect(await enter()).toMatchObject({ users: 1, clients: 2 });
    expect(told).toEqual(['ann came']);
  });

  it('tells of nobody who is back within the grace time', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(4_900);
    await enter();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual(['ann came']);
  });

  it('tells of a lost user once the grace time is over', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('tells at once of a user who asked to leave, but not while another tab stays', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    await enter();
    presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann came']);
    presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('repeats a departure until the store has taken it, and tells of it once', async () => {
    const { told, presence, enter, fail } = setUp();
    await enter();
    fail(2);
    presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['ann came']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('refuses to enter while the store is away and leaves nobody behind', async () => {
    const { told, presence, enter, fail } = setUp();
    fail(1);
    expect(await presence.enter(room, ann)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    await vi.advanceTimersByTimeAsync(10_000);
    fail(0);
    await enter();
    expect(told).toEqual(['ann came']);
  });

  it('tells of whom a dead worker left behind', async () => {
    const { told, presence } = setUp();
    await presence.sweep('dead');
    expect(told).toEqual(['ann left']);
  });

  it('tells of no departure of somebody who was never let in', async () => {
    const { told, presence } = setUp();
    expect(await presence.enter(room, ann)).toMatchObject({ ok: true });
    presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
  });

  it('tells of an exit and of the enter that overtook it in pairs', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    for (let n = 0; n < 3; n += 1) {
      presence.leave(room, 'ann', 'asked');
      await enter();
    }
    presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(told.map((_, n) => (n % 2 === 0 ? 'ann came' : 'ann left')));
    expect(told.at(-1)).toBe('ann left');
  });

  it('has its count right again after the store was away', async () => {
    const { presence, enter, fail, stored } = setUp();
    await enter();
    await enter();
    await presence.count(room);
    expect(stored()).toBe(2);
    fail(100);
    presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toBe(2);
    fail(0);
    presence.restate();
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toBe(1);
  });
});

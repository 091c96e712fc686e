import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPresence, type PresenceDeps } from '../../src/chat/presence.ts';
import { roomOf } from '../../src/chat/room.ts';
import { type ErrorCode, refuse, succeed } from '../../src/protocol/codes.ts';

const room = roomOf('/', 'lobby');
const ann = { userId: 'ann', username: 'Ann' };

function setUp() {
  const told: string[] = [];
  const present = new Set<string>();
  const owns = new Map<string, number>();
  const writes: string[] = [];
  let failing = 0;
  let lostAnswers = 0;
  let stored = 0;
  let passing = 0;
  let refusals = 0;
  let refusal: ErrorCode = 'forbidden';
  const counts = (clients: number) => ({ users: present.size, clients });
  const roster: PresenceDeps['roster'] = {
    async enter(_room, user, own, clients) {
      if (failing > 0) return refuse('unavailable', 'away');
      passing -= 1;
      if (passing < 0 && refusals > 0) {
        refusals -= 1;
        return refuse(refusal, 'not you');
      }
      writes.push(`${user.username} ${own}/${clients}`);
      const wasHere = owns.has(user.userId);
      const changed = !present.has(user.userId);
      present.add(user.userId);
      owns.set(user.userId, own);
      stored = clients;
      lostAnswers -= 1;
      if (lostAnswers >= 0) return refuse('unavailable', 'no answer');
      return succeed({ ...counts(clients), changed, wasHere });
    },
    async exit(_room, userId, clients) {
      if (failing > 0) {
        failing -= 1;
        return refuse('unavailable', 'away');
      }
      writes.push(`${userId} gone/${clients}`);
      stored = clients;
      owns.delete(userId);
      return succeed({ ...counts(clients), changed: present.delete(userId) });
    },
    async setClients(_room, clients) {
      if (failing > 0) return refuse('unavailable', 'away');
      stored = clients;
      return succeed(counts(clients));
    },
    reap: async () => succeed([{ room, user: ann, clients: 0 }]),
  };
  const presence = createPresence({
    roster,
    onJoin: (_room, { userId }) => told.push(`${userId} came`),
    onQuit: (_room, { userId }) => told.push(`${userId} left`),
    log: pino({ level: 'silent' }),
  });
  async function enter(user = ann) {
    const entered = await presence.enter(room, user);
    if (!entered.ok) throw new Error('not entered');
    entered.value.announce();
    return entered.value;
  }
  return {
    told,
    presence,
    enter,
    writes,
    owns: () => owns.get('ann'),
    stored: () => stored,
    forget: () => present.clear(),
    /** So many enters, after so many that pass. */
    refuseAs: (code: ErrorCode, times = Number.POSITIVE_INFINITY, after = 0) => {
      refusal = code;
      refusals = times;
      passing = after;
    },
    admit: () => {
      refusals = 0;
    },
    fail: (times: number) => {
      failing = times;
    },
    /** So many enters are stored, and their answers do not arrive. */
    loseAnswers: (times: number) => {
      lostAnswers = times;
    },
  };
}

describe('presence in a room', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('announces a user once, however many tabs join', async () => {
    const { told, enter } = setUp();
    expect(await enter()).toMatchObject({ users: 1, clients: 1 });
    expect(await enter()).toMatchObject({ users: 1, clients: 2 });
    expect(told).toEqual(['ann came']);
  });

  it('announces nothing if a user is back within the grace time', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(4_900);
    await enter();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual(['ann came']);
  });

  it('announces a lost user as gone after the grace time', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('announces a user who asked to leave at once, but not while another tab stays', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    await enter();
    void presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann came']);
    void presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('repeats a departure until the store accepts it, and announces it once', async () => {
    const { told, presence, enter, fail } = setUp();
    await enter();
    fail(2);
    void presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['ann came']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('has reported to the roster when a leave resolves, of the last tab and of one among others', async () => {
    const { presence, enter, writes } = setUp();
    await enter();
    await enter();
    writes.length = 0;
    await presence.leave(room, 'ann', 'asked');
    expect(writes).toEqual(['Ann 1/1']);
    await presence.leave(room, 'ann', 'asked');
    expect(writes).toEqual(['Ann 1/1', 'ann gone/0']);
  });

  it('reports simultaneous joins one by one, so that a room fills up to its limit', async () => {
    const { presence, refuseAs, stored } = setUp();
    refuseAs('limit', 1, 2);
    const come = (userId: string) => presence.enter(room, { userId, username: userId });
    const answers = await Promise.all([come('ann'), come('bob'), come('carl'), come('dora')]);
    const counts = answers.map((answer) => (answer.ok ? answer.value.clients : answer.error.code));
    expect(counts).toEqual([1, 2, 'limit', 4]);
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toBe(3);
  });

  it('repeats a rejected report by itself, though the store never was away', async () => {
    const { presence, enter, stored, fail } = setUp();
    await enter();
    await enter();
    fail(Number.POSITIVE_INFINITY);
    await presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stored()).toBe(2);
    fail(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(stored()).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('repeats a rejected name by itself', async () => {
    const { presence, enter, writes, fail } = setUp();
    await enter();
    fail(Number.POSITIVE_INFINITY);
    await presence.rename(room, { ...ann, username: 'Anna' });
    fail(0);
    expect(writes).toEqual(['Ann 1/1']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(writes).toEqual(['Ann 1/1', 'Anna 1/1']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(writes).toHaveLength(2);
  });

  it('reaps a dead worker once at a time, however often it is called', async () => {
    const { told, presence } = setUp();
    await Promise.all([presence.reap('dead'), presence.reap('dead'), presence.reap('dead')]);
    expect(told).toEqual(['ann left']);
    await presence.reap('dead');
    expect(told).toEqual(['ann left', 'ann left']);
  });

  it('refuses an enter while the store is away and leaves no user behind', async () => {
    const { told, presence, enter, fail } = setUp();
    fail(1);
    expect(await presence.enter(room, ann)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    await vi.advanceTimersByTimeAsync(10_000);
    fail(0);
    await enter();
    expect(told).toEqual(['ann came']);
  });

  it('announces the users that a dead worker left behind as gone', async () => {
    const { told, presence } = setUp();
    await presence.reap('dead');
    expect(told).toEqual(['ann left']);
  });

  it('announces a join whose first answer was lost once, with no departure before it', async () => {
    const { told, presence, enter, loseAnswers } = setUp();
    loseAnswers(1);
    expect(await presence.enter(room, ann)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
    await enter();
    expect(told).toEqual(['ann came']);
  });

  it('announces a join whose first answer was lost if the user tries again at once', async () => {
    const { told, presence, enter, loseAnswers } = setUp();
    loseAnswers(1);
    expect(await presence.enter(room, ann)).toMatchObject({ ok: false });
    await enter();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['ann came']);
  });

  it('announces the join of two tabs of which one got no answer, and then their departure', async () => {
    const { told, presence, enter, loseAnswers } = setUp();
    loseAnswers(1);
    const first = presence.enter(room, ann);
    await enter();
    expect(await first).toMatchObject({ ok: false });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['ann came']);
    void presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('takes a user out whose first enter got no answer and whose second is refused', async () => {
    const { told, presence, writes, loseAnswers, refuseAs } = setUp();
    loseAnswers(1);
    refuseAs('forbidden', 1, 1);
    const entering = [presence.enter(room, ann), presence.enter(room, ann)];
    expect(await Promise.all(entering)).toMatchObject([{ ok: false }, { ok: false }]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(writes).toEqual(['Ann 1/1', 'ann gone/0']);
    expect(told).toEqual([]);
  });

  it('announces no departure of a user who was never admitted', async () => {
    const { told, presence } = setUp();
    expect(await presence.enter(room, ann)).toMatchObject({ ok: true });
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
  });

  it('announces an exit and an enter that overtakes it as a pair', async () => {
    const { told, presence, enter } = setUp();
    await enter();
    for (let n = 0; n < 3; n += 1) {
      void presence.leave(room, 'ann', 'asked');
      await enter();
    }
    void presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(told.map((_, n) => (n % 2 === 0 ? 'ann came' : 'ann left')));
    expect(told.at(-1)).toBe('ann left');
  });

  it('leaves no user behind whose connection was lost while they left and rejoined', async () => {
    const { told, presence, enter, writes } = setUp();
    await enter();
    void presence.leave(room, 'ann', 'asked');
    const again = enter();
    void presence.leave(room, 'ann', 'lost');
    await again;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(writes.at(-1)).toBe('ann gone/0');
    expect(told).toEqual(['ann came', 'ann left', 'ann came', 'ann left']);
  });

  it('corrects the count of a room after the store was away', async () => {
    const { presence, enter, fail, stored } = setUp();
    await enter();
    await enter();
    await presence.count(room);
    expect(stored()).toBe(2);
    fail(100);
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toBe(2);
    fail(0);
    presence.resync();
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toBe(1);
  });

  it('reports the connections of a user as tabs come and go, and none for a lingering user', async () => {
    const { presence, enter, owns, stored } = setUp();
    await enter();
    await enter();
    expect([owns(), stored()]).toEqual([2, 2]);
    void presence.leave(room, 'ann', 'asked');
    await vi.advanceTimersByTimeAsync(0);
    expect([owns(), stored()]).toEqual([1, 1]);
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(0);
    expect([owns(), stored()]).toEqual([0, 0]);
    await enter();
    expect([owns(), stored()]).toEqual([1, 1]);
  });

  it('reports a burst of changes once', async () => {
    const { presence, enter, writes } = setUp();
    for (let n = 0; n < 10; n += 1) await enter();
    writes.length = 0;
    for (let n = 0; n < 5; n += 1) void presence.leave(room, 'ann', 'lost');
    void presence.rename(room, { ...ann, username: 'Anna' });
    await vi.advanceTimersByTimeAsync(0);
    expect(writes).toEqual(['Anna 5/5']);
  });

  it('returns a refusal and leaves no trace of the refused user', async () => {
    const { told, presence, enter, writes, refuseAs, admit } = setUp();
    for (const code of ['forbidden', 'limit'] as const) {
      refuseAs(code);
      expect(await presence.enter(room, ann)).toEqual(refuse(code, 'not you'));
    }
    presence.resync();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(writes).toEqual([]);
    admit();
    expect(await enter()).toMatchObject({ users: 1, clients: 1 });
    expect(told).toEqual(['ann came']);
  });

  it('leaves the other tabs of a refused connection as they were', async () => {
    const { told, presence, enter, owns, stored, refuseAs, admit } = setUp();
    await enter();
    refuseAs('limit');
    expect(await presence.enter(room, ann)).toMatchObject({ error: { code: 'limit' } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([owns(), stored(), told]).toEqual([1, 1, ['ann came']]);
    admit();
    const entering = enter();
    const refused = presence.enter(room, ann);
    refuseAs('forbidden', 1, 1);
    await entering;
    expect(await refused).toMatchObject({ ok: false });
    admit();
    await vi.advanceTimersByTimeAsync(0);
    expect([owns(), stored()]).toEqual([2, 2]);
  });

  it('does not count a connection that was refused while another was admitted', async () => {
    const { presence, enter, stored, refuseAs, admit } = setUp();
    const refused = presence.enter(room, { userId: 'bob', username: 'Bob' });
    refuseAs('forbidden');
    await Promise.resolve();
    await Promise.resolve();
    admit();
    const entering = enter();
    expect(await refused).toMatchObject({ ok: false });
    await entering;
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toBe(1);
  });

  it('announces the departure of a lingering user whose return is refused, once', async () => {
    const { told, presence, enter, refuseAs } = setUp();
    await enter();
    void presence.leave(room, 'ann', 'lost');
    refuseAs('forbidden');
    expect(await presence.enter(room, ann)).toMatchObject({ error: { code: 'forbidden' } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual(['ann came', 'ann left']);
  });

  it('corrects the count of a user after the store was away', async () => {
    const { presence, enter, fail, owns } = setUp();
    await enter();
    await enter();
    fail(100);
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(0);
    expect(owns()).toBe(2);
    fail(0);
    presence.resync();
    await vi.advanceTimersByTimeAsync(0);
    expect(owns()).toBe(1);
  });

  it('announces a user again if the store had forgotten the user meanwhile', async () => {
    const { told, presence, enter, forget } = setUp();
    await enter();
    await enter();
    forget();
    void presence.leave(room, 'ann', 'lost');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann came', 'ann came']);
  });
});

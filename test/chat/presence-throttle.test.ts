import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPresenceThrottle } from '../../src/chat/presence-throttle.ts';
import { roomOf } from '../../src/chat/room.ts';
import type { PresenceEvent } from '../../src/chat/roster.ts';
import {
  LARGE_ROOM_CLIENTS,
  PRESENCE_GRACE_MS,
  ROOM_PRESENCE_EVENTS_PER_S,
  USER_PRESENCE_BURST,
} from '../../src/protocol/limits.ts';

const tea = roomOf('/', 'tea');

function setUp() {
  const told: string[] = [];
  const pacing = createPresenceThrottle({
    deliver: (room, { event, user }) => told.push(`${room.roomid} ${event} ${user.username}`),
    now: () => performance.now(),
  });
  const move = (event: PresenceEvent['event']) => (userId: string, username: string, room: typeof tea) =>
    pacing.push(room, { event, user: { userId, username } });
  return {
    told,
    pacing,
    come: (userId: string, { username = userId, room = tea } = {}) => move('join')(userId, username, room),
    go: (userId: string, { username = userId, room = tea } = {}) =>
      move('broadcast_quit')(userId, username, room),
  };
}

describe('joins and quits in a room', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are delivered at once, of a user who joins twice too', () => {
    const { told, come, go } = setUp();
    for (const user of ['ann', 'bob']) {
      for (let n = 0; n < USER_PRESENCE_BURST / 2; n += 1) {
        come(user);
        go(user);
      }
    }
    const twice = (user: string) => [
      `tea join ${user}`,
      `tea broadcast_quit ${user}`,
      `tea join ${user}`,
      `tea broadcast_quit ${user}`,
    ];
    expect(told).toEqual([...twice('ann'), ...twice('bob')]);
  });

  it('in a loop are delivered once per grace time and user, whatever the speed of the loop', () => {
    const { told, come, go } = setUp();
    const SECONDS = 60;
    for (let n = 0; n < SECONDS * 100; n += 1) {
      for (let user = 0; user < 5; user += 1) (n % 2 === 0 ? come : go)(`user ${user}`);
      vi.advanceTimersByTime(10);
    }
    const most = USER_PRESENCE_BURST + (SECONDS * 1_000) / PRESENCE_GRACE_MS;
    for (let user = 0; user < 5; user += 1) {
      const heard = told.filter((one) => one.endsWith(`user ${user}`));
      expect(heard.length).toBeLessThanOrEqual(most);
      expect(heard).toEqual(
        heard.map((_, n) => `tea ${n % 2 === 0 ? 'join' : 'broadcast_quit'} user ${user}`),
      );
    }
  });

  it.each(['join', 'broadcast_quit'])(
    'in a loop that ends with %s ends with it for everybody, too',
    (last) => {
      const { told, come, go } = setUp();
      for (let n = 0; n < 50; n += 1) {
        come('ann');
        go('ann');
      }
      if (last === 'join') come('ann');
      vi.advanceTimersByTime(PRESENCE_GRACE_MS + 1_000);
      expect(told.at(-1)).toBe(`tea ${last} ann`);
      const before = told.length;
      vi.advanceTimersByTime(10 * PRESENCE_GRACE_MS);
      expect(told).toHaveLength(before);
    },
  );

  it('that had to wait are delivered with the newest name', () => {
    const { told, come, go } = setUp();
    for (let n = 0; n < USER_PRESENCE_BURST / 2; n += 1) {
      come('ann');
      go('ann');
    }
    come('ann', { username: 'Old' });
    come('ann', { username: 'New' });
    vi.advanceTimersByTime(PRESENCE_GRACE_MS + 1_000);
    expect(told.slice(USER_PRESENCE_BURST)).toEqual(['tea join New']);
  });

  it('of a full room at once are delivered each, then per second, in order', () => {
    const { told, come } = setUp();
    const crowd = Array.from({ length: LARGE_ROOM_CLIENTS + 50 }, (_, n) => `user ${n}`);
    for (const user of crowd) come(user);
    expect(told).toHaveLength(LARGE_ROOM_CLIENTS);
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveLength(LARGE_ROOM_CLIENTS + ROOM_PRESENCE_EVENTS_PER_S);
    vi.advanceTimersByTime(2_000);
    expect(told).toEqual(crowd.map((user) => `tea join ${user}`));
  });

  it('of ever new users are delivered at the room’s rate, and few are queued', () => {
    const { told, come, go } = setUp();
    const SECONDS = 30;
    for (let n = 0; n < SECONDS * 1_000; n += 1) {
      come(`guest ${n}`);
      if (n % 2 === 0) go(`guest ${n - 10}`);
      vi.advanceTimersByTime(1);
    }
    expect(told.length).toBeLessThanOrEqual(LARGE_ROOM_CLIENTS + SECONDS * ROOM_PRESENCE_EVENTS_PER_S);
    const before = told.length;
    vi.advanceTimersByTime(60_000);
    expect(told.length - before).toBeLessThanOrEqual(LARGE_ROOM_CLIENTS);
  });

  describe('that had no room to wait', () => {
    /** All that may be told at once, and all that may wait. */
    const FULL = 2 * LARGE_ROOM_CLIENTS;
    const fill = (move: (userId: string) => void) => {
      for (let n = 0; n < FULL; n += 1) move(`guest ${n}`);
    };
    const setUpFull = () => {
      const stage = setUp();
      fill(stage.come);
      return { ...stage, heardOf: (user: string) => stage.told.filter((one) => one.endsWith(` ${user}`)) };
    };

    it('are both dropped, and the next join is delivered', () => {
      const { come, go, heardOf } = setUpFull();
      come('late');
      vi.advanceTimersByTime(60_000);
      go('late');
      expect(heardOf('late')).toEqual([]);
      come('late');
      go('late');
      expect(heardOf('late')).toEqual(['tea join late', 'tea broadcast_quit late']);
    });

    it('of a user who quit and came back are both dropped', () => {
      const { come, go, heardOf } = setUpFull();
      vi.advanceTimersByTime(60_000);
      come('ann');
      fill(go);
      fill((user) => come(`other ${user}`));
      go('ann');
      vi.advanceTimersByTime(60_000);
      come('ann');
      expect(heardOf('ann')).toEqual(['tea join ann']);
    });

    it('of a user who returns under another name are delivered', () => {
      const { come, heardOf } = setUpFull();
      come('ann', { username: 'Old' });
      vi.advanceTimersByTime(60_000);
      come('ann', { username: 'New' });
      expect([heardOf('Old'), heardOf('New')]).toEqual([[], ['tea join New']]);
    });

    it('is forgotten in the end', () => {
      const { come, go, heardOf } = setUpFull();
      come('late');
      for (let n = 0; n < 10_000; n += 1) come(`more ${n}`);
      vi.advanceTimersByTime(60_000);
      go('late');
      expect(heardOf('late')).toEqual(['tea broadcast_quit late']);
    });
  });

  it('of one room or user costs others nothing', () => {
    const { told, come, go } = setUp();
    const milk = roomOf('/', 'milk');
    for (let n = 0; n < 2 * LARGE_ROOM_CLIENTS; n += 1) come(`guest ${n}`);
    for (let n = 0; n < 50; n += 1) {
      come('ann', { room: milk });
      go('ann', { room: milk });
    }
    told.length = 0;
    come('bob', { room: milk });
    come('ann', { room: roomOf('/post', 'milk') });
    expect(told).toEqual(['milk join bob', 'milk join ann']);
  });

  it('are not delivered after close', () => {
    const { told, come, pacing } = setUp();
    for (let n = 0; n <= LARGE_ROOM_CLIENTS; n += 1) come(`guest ${n}`);
    pacing.close();
    vi.advanceTimersByTime(60_000);
    expect(told).toHaveLength(LARGE_ROOM_CLIENTS);
    expect(vi.getTimerCount()).toBe(0);
  });
});

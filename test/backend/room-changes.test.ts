import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRoomChanges } from '../../src/backend/embedded/room-changes.ts';
import type { PresenceChange } from '../../src/chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../../src/protocol/limits.ts';

const SECONDS = 60;

function setUp() {
  const told: PresenceChange[] = [];
  let clients = LARGE_ROOM_CLIENTS;
  const changes = createRoomChanges({
    count: () => ({ users: clients, clients }),
    publish: (change) => told.push(change),
    now: () => Date.now(),
  });
  return {
    told,
    come(userId: string) {
      clients += 1;
      changes.add('+', { userId, username: userId });
      changes.publishDue();
    },
    go(userId: string) {
      clients -= 1;
      changes.add('-', { userId, username: userId });
      changes.publishDue();
    },
  };
}

describe('a room at the size limit for names', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('makes clients fetch the list rarely, however often a user joins and leaves', () => {
    const { told, come, go } = setUp();
    for (let n = 0; n < SECONDS; n += 1) {
      (n % 2 === 0 ? come : go)('ann');
      vi.advanceTimersByTime(1_000);
    }
    const jumps = told.filter(({ rev }, index) => rev - (told[index - 1]?.rev ?? rev) > 1);
    expect(jumps.length).toBeGreaterThan(0);
    expect(jumps.length).toBeLessThanOrEqual(1 + SECONDS / 10);
    expect(told.length).toBeGreaterThan(SECONDS / 2);
  });

  it('publishes the names again after the last change', () => {
    const { told, come, go } = setUp();
    for (let n = 0; n < 3; n += 1) {
      come('ann');
      vi.advanceTimersByTime(1_000);
      go('ann');
      vi.advanceTimersByTime(1_000);
    }
    const counted = told.length;
    expect(told.at(-1)).toMatchObject({ clients: LARGE_ROOM_CLIENTS });
    vi.advanceTimersByTime(60_000);
    expect(told.slice(counted)).toEqual([{ rev: (told[counted - 1]?.rev ?? 0) + 2, joins: [], leaves: [] }]);
  });

  it('publishes a change in its turn while names are due', () => {
    const { told, come, go } = setUp();
    for (const move of [come, go, come, go]) {
      move('ann');
      vi.advanceTimersByTime(1_000);
    }
    const counted = told.length;
    vi.advanceTimersByTime(2_000);
    go('bob');
    expect(told.slice(counted)).toMatchObject([{ clients: LARGE_ROOM_CLIENTS - 1 }]);
  });
});

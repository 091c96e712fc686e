import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPresenceNotifier } from '../../../src/backend/redis/presence/presence-notifier.ts';
import { roomOf } from '../../../src/chat/room.ts';

const room = roomOf('/', 'lobby');

function setUp(answers: number[]) {
  const startedAt = Date.now();
  const toldAtMs: number[] = [];
  const notifier = createPresenceNotifier({
    notify: async () => {
      toldAtMs.push(Date.now() - startedAt);
      return { ok: true, value: answers.shift() ?? 0 };
    },
    onNotified: () => undefined,
    now: () => Date.now(),
  });
  return { notifier, toldAtMs };
}

describe('a room with something still to be told', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is come back to for a change although its names are due later, and for them after that', async () => {
    const { notifier, toldAtMs } = setUp([7_000]);
    notifier.schedule(room, 10_000);
    await vi.advanceTimersByTimeAsync(2_000);
    notifier.schedule(room, 1_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(toldAtMs).toEqual([3_000, 10_000]);
  });

  it('is come back to once for changes that are due at the same turn', async () => {
    const { notifier, toldAtMs } = setUp([]);
    notifier.schedule(room, 1_000);
    await vi.advanceTimersByTimeAsync(400);
    notifier.schedule(room, 600);
    notifier.schedule(room, 10_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(toldAtMs).toEqual([1_000]);
  });
});

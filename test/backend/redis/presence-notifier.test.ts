import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPresenceNotifier } from '../../../src/backend/redis/presence/presence-notifier.ts';
import { roomOf } from '../../../src/chat/room.ts';

const room = roomOf('/', 'lobby');

function setUp(answers: number[]) {
  const startedAt = Date.now();
  const notifiedAtMs: number[] = [];
  const notifier = createPresenceNotifier({
    notify: async () => {
      notifiedAtMs.push(Date.now() - startedAt);
      return { ok: true, value: answers.shift() ?? 0 };
    },
    onNotified: () => undefined,
    log: pino({ level: 'silent' }),
  });
  return { notifier, notifiedAtMs };
}

describe('a room with unpublished presence changes', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is notified of a change before its names are due, and of the names later', async () => {
    const { notifier, notifiedAtMs } = setUp([7_000]);
    notifier.schedule(room, 10_000);
    await vi.advanceTimersByTimeAsync(2_000);
    notifier.schedule(room, 1_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(notifiedAtMs).toEqual([3_000, 10_000]);
  });

  it('is notified once of changes that are due in the same turn', async () => {
    const { notifier, notifiedAtMs } = setUp([]);
    notifier.schedule(room, 1_000);
    await vi.advanceTimersByTimeAsync(400);
    notifier.schedule(room, 600);
    notifier.schedule(room, 10_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(notifiedAtMs).toEqual([1_000]);
  });
});

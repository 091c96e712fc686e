import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { inboxOf, type Room } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { createConnectionCounts } from '../../../src/server/users/connection-counts.ts';

const [ann, bob, carl] = ['ann', 'bob', 'carl'].map((id) => inboxOf('/', id)) as [Room, Room, Room];

function watched() {
  const stored = new Map<string, number>();
  let away = false;
  const setConnections = vi.fn(async ({ roomid }: Room, connections: number) => {
    if (away) return refuse('unavailable', 'away', 1);
    if (connections > 0) stored.set(roomid, connections);
    else stored.delete(roomid);
    return succeed(undefined);
  });
  const connections = createConnectionCounts({ roster: { setConnections }, log: pino({ level: 'silent' }) });
  return { stored, connections, goAway: (yes: boolean) => (away = yes) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the connections of users on a worker', () => {
  it('are counted by user and namespace', async () => {
    const { stored, connections } = watched();
    await connections.increment(ann);
    await connections.increment(ann);
    await connections.increment(bob);
    void connections.decrement(bob);
    void connections.decrement(ann);
    await settled();
    expect([...stored]).toEqual([['ann', 1]]);
    await connections.increment(inboxOf('/post', 'bob'));
    void connections.decrement(ann);
    await settled();
    expect([...stored]).toEqual([['bob', 1]]);
  });

  it('are reported again if a late answer was not for the last count', async () => {
    const answers: ((stored: boolean) => void)[] = [];
    const said: number[] = [];
    const connections = createConnectionCounts({
      roster: {
        setConnections(_inbox, count) {
          said.push(count);
          return new Promise((resolve) => {
            answers.push((stored) => resolve(stored ? succeed(undefined) : refuse('unavailable', 'away', 1)));
          });
        },
      },
      log: pino({ level: 'silent' }),
    });
    void connections.increment(ann);
    void connections.decrement(ann);
    answers[1]?.(false);
    await settled();
    answers[0]?.(true);
    await settled();
    void connections.resync();
    expect(said).toEqual([1, 0, 0]);
  });

  it('are right again after the store was away, for users who came and went meanwhile', async () => {
    const { stored, connections, goAway } = watched();
    await connections.increment(ann);
    goAway(true);
    void connections.decrement(ann);
    await connections.increment(bob);
    await connections.increment(carl);
    void connections.decrement(carl);
    await settled();
    expect([...stored]).toEqual([['ann', 1]]);
    goAway(false);
    void connections.resync();
    await settled();
    expect([...stored]).toEqual([['bob', 1]]);
  });

  it('are repeated while the store refuses them, even if it was never away', async () => {
    vi.useFakeTimers();
    try {
      const { stored, connections, goAway } = watched();
      goAway(true);
      await connections.increment(ann);
      await vi.advanceTimersByTimeAsync(10_000);
      expect([...stored]).toEqual([]);
      goAway(false);
      await vi.advanceTimersByTimeAsync(2_000);
      expect([...stored]).toEqual([['ann', 1]]);
      expect(vi.getTimerCount()).toBe(0);
      goAway(true);
      await connections.increment(bob);
      connections.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

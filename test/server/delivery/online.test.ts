import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RosterCount } from '../../../src/chat/roster.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { createOnline } from '../../../src/server/delivery/online.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { emitting } from '../../support/emitting.ts';
import { partOf } from '../../support/part-of.ts';

function setUp(connections = 1) {
  const told: unknown[] = [];
  let counted: RosterCount | undefined = { users: 1, clients: 1 };
  let degraded = false;
  const socket = partOf<ClientSocket>({});
  const emit = emitting((event, count) => told.push([event, count]));
  const totals = vi.fn(async () => (counted ? succeed(counted) : refuse('unavailable', 'away', 1)));
  const online = createOnline({
    roster: { totals },
    broadcast: (totals) => emit('online', totals),
    send: (_socket, totals) => emit('online', totals),
    clients: () => connections,
    degraded: () => degraded,
  });
  return {
    online,
    told,
    totals,
    socket,
    count(users: number, clients: number) {
      counted = { users, clients };
    },
    lose() {
      counted = undefined;
    },
    degrade(yes: boolean) {
      degraded = yes;
    },
  };
}

describe('the number of people online', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is sent when it changed, and then at most once a second', async () => {
    const { told, count } = setUp();
    await vi.advanceTimersByTimeAsync(10);
    expect(told).toEqual([['online', { users: 1, clients: 1 }]]);
    count(2, 3);
    count(2, 4);
    await vi.advanceTimersByTimeAsync(980);
    expect(told).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10);
    expect(told).toEqual([
      ['online', { users: 1, clients: 1 }],
      ['online', { users: 2, clients: 4 }],
    ]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toHaveLength(2);
  });

  it.each([
    [1_000, 10],
    [10_000, 1],
    [50_000, 1],
  ])(
    'with %i connections on a worker is asked for so often that 1,000 deliveries a second suffice',
    async (connections, expected) => {
      const { totals } = setUp(connections);
      await vi.advanceTimersByTimeAsync(0);
      totals.mockClear();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(totals.mock.calls.length).toBeLessThanOrEqual(expected);
      await vi.advanceTimersByTimeAsync(40_000);
      expect(totals).toHaveBeenCalled();
    },
  );

  it('is sent to new connections, once it is known', async () => {
    const { online, told, socket } = setUp();
    online.sendTo(socket);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(10);
    told.length = 0;
    online.sendTo(socket);
    expect(told).toEqual([['online', { users: 1, clients: 1 }]]);
  });

  it('is not sent while the store is away, and to everybody when it is back', async () => {
    const { online, told, socket, totals, degrade, lose, count } = setUp();
    await vi.advanceTimersByTimeAsync(10);
    told.length = 0;
    lose();
    await vi.advanceTimersByTimeAsync(1_000);
    degrade(true);
    totals.mockClear();
    await vi.advanceTimersByTimeAsync(5_000);
    online.sendTo(socket);
    expect(told).toEqual([]);
    expect(totals).not.toHaveBeenCalled();
    count(1, 1);
    degrade(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual([['online', { users: 1, clients: 1 }]]);
  });

  it('is never 0 for a connected user', async () => {
    const { online, told, socket, count } = setUp();
    count(0, 0);
    await vi.advanceTimersByTimeAsync(1_000);
    told.length = 0;
    online.sendTo(socket);
    expect(told).toEqual([]);
  });

  it('is not read any more after close', async () => {
    const { online, totals } = setUp();
    await vi.advanceTimersByTimeAsync(10);
    online.close();
    totals.mockClear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(totals).not.toHaveBeenCalled();
  });
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Refuge } from '../../../src/cluster/control.ts';
import type { Bye } from '../../../src/protocol/events.ts';
import type { ChatNamespace, ClientSocket } from '../../../src/server/socket-types.ts';
import { drainClients } from '../../../src/server/transport/drain.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A worker with clients; each closed connection is gone at once. */
function createWorker(
  clients: { readonly stock?: number; readonly moving?: number },
  expectBack: () => Promise<unknown> = async () => {},
) {
  const sockets = new Map<string, ClientSocket>();
  const byes: Array<{ id: string; at: number; bye: Bye }> = [];
  const closed: Array<{ id: string; at: number }> = [];
  const movers = new Set<ClientSocket>();
  const startedAt = Date.now();
  const at = () => Date.now() - startedAt;
  const add = (id: string, moves: boolean) => {
    const socket = {
      conn: {
        close() {
          sockets.delete(id);
          closed.push({ id, at: at() });
        },
      },
      emit: (_event: 'bye', bye: Bye) => byes.push({ id, at: at(), bye }),
    } as unknown as ClientSocket;
    sockets.set(id, socket);
    if (moves) movers.add(socket);
  };
  for (let n = 0; n < (clients.stock ?? 0); n += 1) add(`stock ${n}`, false);
  for (let n = 0; n < (clients.moving ?? 0); n += 1) add(`moving ${n}`, true);
  let emptyAt: number | undefined;
  return {
    byes,
    closed,
    sockets,
    emptyAt: () => emptyAt,
    drain(drainMs: number, refuge: Refuge) {
      const drain = drainClients(
        {
          namespaces: [{ sockets } as unknown as ChatNamespace],
          flush: () => {},
          moves: (socket) => movers.has(socket),
          expectBack,
          now: Date.now,
          random: () => 0.5,
        },
        drainMs,
        refuge,
      );
      void drain.empty.then(() => {
        emptyAt = at();
      });
      return drain;
    },
  };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('a stock client gets a time to reconnect and is closed', async () => {
  const worker = createWorker({ stock: 1 });
  worker.drain(9_000, 'here');
  await pass(0);
  expect(worker.byes).toEqual([
    { id: 'stock 0', at: 0, bye: expect.objectContaining({ code: 3001, reconnect: true, afterMs: 500 }) },
  ]);
  expect(worker.closed).toEqual([{ id: 'stock 0', at: 0 }]);
  await pass(100);
  expect(worker.emptyAt()).toBe(100);
});

test('a client that can move is served until it leaves by itself', async () => {
  const worker = createWorker({ moving: 1 });
  worker.drain(9_000, 'here');
  await pass(5_000);
  expect(worker.byes).toEqual([
    { id: 'moving 0', at: 0, bye: expect.objectContaining({ code: 3001, reconnect: true, afterMs: 0 }) },
  ]);
  expect(worker.closed).toEqual([]);
  expect(worker.emptyAt()).toBeUndefined();
  worker.sockets.clear();
  await pass(100);
  expect(worker.emptyAt()).toBe(5_100);
  expect(worker.closed).toEqual([]);
});

test('a client that does not move is closed before the drain’s end, without another bye', async () => {
  const worker = createWorker({ moving: 1 });
  worker.drain(9_000, 'here');
  await pass(9_000);
  expect(worker.byes).toHaveLength(1);
  expect(worker.closed).toEqual([{ id: 'moving 0', at: 8_100 }]);
});

test('a move to another host, which may not be reached, has five seconds', async () => {
  const worker = createWorker({ moving: 1 });
  worker.drain(30_000, 'elsewhere');
  await pass(6_000);
  expect(worker.closed).toEqual([{ id: 'moving 0', at: 5_000 }]);
});

test('where clients can go nowhere, those that can move are closed at once as well', async () => {
  const worker = createWorker({ moving: 200, stock: 200 });
  worker.drain(30_000, 'nowhere');
  await pass(1_000);
  expect(worker.closed).toHaveLength(400);
  expect(worker.byes.every(({ bye }) => bye.afterMs > 0)).toBe(true);
});

test('clients are disconnected as fast as they connect elsewhere', async () => {
  const worker = createWorker({ stock: 1_000 });
  const drain = worker.drain(300_000, 'here');
  await pass(2_000);
  const before = worker.closed.length;
  // 20 to begin with, and what is due to be done in time.
  expect(before).toBeLessThan(50);
  let arrived = 0;
  for (let step = 0; step < 20; step += 1) {
    drain.arrived(worker.closed.length - arrived);
    arrived = worker.closed.length;
    await pass(100);
  }
  expect(worker.closed).toHaveLength(1_000);
});

test('every client gets its bye within a third of the time, however slowly they connect elsewhere', async () => {
  const worker = createWorker({ stock: 500, moving: 500 });
  worker.drain(30_000, 'here');
  await pass(5_000);
  expect(worker.byes.length).toBeLessThan(700);
  await pass(5_000);
  expect(worker.byes).toHaveLength(1_000);
});

test('a client that connects while the worker drains is disconnected too', async () => {
  const worker = createWorker({ moving: 1 });
  worker.drain(9_000, 'here');
  await pass(1_000);
  const late = createWorker({ stock: 1 }).sockets.get('stock 0') as ClientSocket;
  worker.sockets.set('late', { ...late, conn: { close: () => worker.sockets.delete('late') } } as never);
  await pass(200);
  expect([...worker.sockets.keys()]).toEqual(['moving 0']);
});

test('a client that does not move to a worker of this host is closed ten seconds after its bye', async () => {
  const worker = createWorker({ moving: 1 });
  worker.drain(300_000, 'here');
  await pass(11_000);
  expect(worker.closed).toEqual([{ id: 'moving 0', at: 10_000 }]);
});

const SLOW_STORE = {
  answers: () => new Promise((resolve) => setTimeout(resolve, 300)),
  fails: () => Promise.reject(new Error('the store is away')),
  'never answers': () => new Promise(() => {}),
};
for (const [how, expectBack] of Object.entries(SLOW_STORE)) {
  test(`a store that ${how === 'answers' ? 'answers late' : how} does not break the pace`, async () => {
    const worker = createWorker({ stock: 2_000 }, expectBack);
    worker.drain(30_000, 'here');
    await pass(11_000);
    expect(worker.byes).toHaveLength(2_000);
    expect(largestStep(worker.byes)).toBeLessThanOrEqual(25);
  });
}

test('a worker whose steps take longer tells larger batches, and none at the end makes up for the rest', async () => {
  const worker = createWorker({ stock: 2_000 });
  const real = globalThis.setTimeout;
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((task: () => void, ms: number) =>
    real(task, ms === 100 ? 400 : ms)) as typeof setTimeout);
  worker.drain(30_000, 'here');
  await pass(11_000);
  vi.restoreAllMocks();
  expect(worker.byes).toHaveLength(2_000);
  expect(largestStep(worker.byes)).toBeLessThanOrEqual(85);
});

/** Finds the most clients that got their bye in one turn. */
function largestStep(byes: readonly { readonly at: number }[]): number {
  const counts = new Map<number, number>();
  for (const { at } of byes) counts.set(at, (counts.get(at) ?? 0) + 1);
  return Math.max(...counts.values());
}

test('a host that stops during a reload lets its clients go at once: also those that were told to move', async () => {
  const worker = createWorker({ stock: 100, moving: 100 });
  const drain = worker.drain(30_000, 'here');
  await pass(2_000);
  expect(worker.emptyAt()).toBeUndefined();
  drain.tighten(28_000, 'nowhere');
  await pass(1_000);
  expect(worker.emptyAt()).toBeDefined();
  const last = worker.byes.filter(({ id }) => id.startsWith('moving')).slice(-100);
  expect(last.every(({ bye }) => bye.afterMs > 0)).toBe(true);
});

test('a drain that is told to end sooner tells its clients sooner, and a looser order changes nothing', async () => {
  const worker = createWorker({ stock: 500 });
  const drain = worker.drain(300_000, 'elsewhere');
  drain.tighten(900_000, 'here');
  await pass(1_000);
  expect(worker.byes.length).toBeLessThan(50);
  drain.tighten(6_000, 'here');
  await pass(2_000);
  expect(worker.byes).toHaveLength(500);
});

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFeeds } from '../../src/chat/feeds.ts';
import { roomOf } from '../../src/chat/room.ts';
import { createTailWatch } from '../../src/chat/tail-watch.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createMemoryRoom } from '../support/memory-room.ts';

const room = roomOf('/', 'lobby');

const MINUTE_MS = 60_000;

async function followed() {
  const memory = createMemoryRoom();
  const delivered: number[] = [];
  const faults: { probe: () => Promise<unknown>; deaf: boolean } = {
    probe: async () => undefined,
    deaf: false,
  };
  const reconnect = vi.fn();
  const feeds = createFeeds({
    logs: memory.logs,
    bus: {
      ...memory.bus,
      async probe() {
        await faults.probe();
        return faults.deaf ? refuse('unavailable', 'the bus is deaf') : succeed(undefined);
      },
      reconnect,
    },
    deliver: (_room, { seq }) => delivered.push(seq),
    onGap: () => undefined,
    onPresence: () => undefined,
    log: pino({ level: 'silent' }),
  });
  await feeds.lease(room);
  await feeds.attach(
    room,
    () => memory.logs.read(room, { limit: 50, maxBytes: 1e6 }),
    () => undefined,
  );
  return { memory, delivered, feeds, faults, reconnect };
}

type Followed = Awaited<ReturnType<typeof followed>>;

describe('a message that the bus lost at the end of a quiet room', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is read from the log when a probe did not come back', async () => {
    const { memory, delivered, feeds } = await followed();
    for (const seq of [1, 2]) {
      memory.store();
      feeds.compareTails();
      await vi.advanceTimersByTimeAsync(0);
      expect(delivered).toHaveLength(seq);
    }
    feeds.close();
  });

  it.each([
    ['the bus reconnected', ({ memory }: Followed) => memory.resync()],
    ['a probe did not come back', ({ feeds }: Followed) => feeds.compareTails()],
    ['it is to be compared', ({ feeds }: Followed) => void feeds.compare(room)],
  ])(
    'is read from the log when %s, although a reading from before the loss is under way',
    async (_, signal) => {
      const stage = await followed();
      const { memory, delivered, feeds } = stage;
      let release: () => void = () => undefined;
      memory.holdReads(
        new Promise((resolve) => {
          release = resolve;
        }),
      );
      memory.store();
      feeds.compareTails();
      await vi.advanceTimersByTimeAsync(0);
      expect(memory.reads()).toBe(2);
      memory.store();
      signal(stage);
      release();
      await vi.advanceTimersByTimeAsync(0);
      expect(delivered).toEqual([1, 2]);
      expect(memory.reads()).toBe(3);
      feeds.close();
    },
  );

  it('is found after five minutes even if nothing shows the loss, and the connection is replaced', async () => {
    const { memory, delivered, feeds, reconnect } = await followed();
    memory.store();
    await vi.advanceTimersByTimeAsync(5.5 * MINUTE_MS);
    expect(delivered).toEqual([1]);
    expect(reconnect).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(20 * MINUTE_MS);
    expect(reconnect).toHaveBeenCalledTimes(1);
    feeds.close();
  });

  it('replaces no connection for a message that arrives before the probe', async () => {
    const { memory, delivered, feeds, faults, reconnect } = await followed();
    const reads = memory.reads();
    const entry = memory.store();
    faults.probe = async () => memory.publish(entry);
    await vi.advanceTimersByTimeAsync(5.5 * MINUTE_MS);
    expect(delivered).toEqual([1]);
    expect(memory.reads()).toBe(reads);
    expect(reconnect).not.toHaveBeenCalled();
    feeds.close();
  });

  it('leaves the connection of a deaf bus to the health check', async () => {
    const { memory, delivered, feeds, faults, reconnect } = await followed();
    faults.deaf = true;
    memory.store();
    await vi.advanceTimersByTimeAsync(5.5 * MINUTE_MS);
    expect(delivered).toEqual([1]);
    expect(reconnect).not.toHaveBeenCalled();
    feeds.close();
  });

  it('is found within a second and a half by the worker that appended it', async () => {
    const { memory, delivered, feeds } = await followed();
    feeds.expectEcho(room, memory.store());
    feeds.expectEcho(room, memory.store());
    await vi.advanceTimersByTimeAsync(1_100);
    expect(delivered).toEqual([1, 2]);
    feeds.close();
  });

  it('costs no read of the log while the bus brings everything', async () => {
    const { memory, delivered, feeds } = await followed();
    const reads = memory.reads();
    for (let n = 0; n < 5; n += 1) {
      const entry = memory.store();
      feeds.expectEcho(room, entry);
      memory.publish(entry);
      await vi.advanceTimersByTimeAsync(4_000);
    }
    expect(delivered).toEqual([1, 2, 3, 4, 5]);
    expect(memory.reads()).toBe(reads);
    feeds.close();
  });

  it('costs no read of the log either in a room that is never quiet, whose last message is always on its way', async () => {
    const { memory, delivered, feeds, faults } = await followed();
    // A probe arrives after what was published before it.
    faults.probe = () => new Promise((resolve) => setTimeout(resolve, 150));
    const reads = memory.reads();
    for (let n = 0; n < 100; n += 1) {
      const entry = memory.store();
      feeds.expectEcho(room, entry);
      await vi.advanceTimersByTimeAsync(100);
      memory.publish(entry);
    }
    expect(delivered).toHaveLength(100);
    expect(memory.reads()).toBe(reads);
    feeds.close();
  });

  it('is found once the store answers again', async () => {
    const { memory, delivered, feeds } = await followed();
    memory.store();
    memory.failReads(true);
    feeds.compareTails();
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
    expect(delivered).toEqual([]);
    memory.failReads(false);
    await vi.advanceTimersByTimeAsync(5.5 * MINUTE_MS);
    expect(delivered).toEqual([1]);
    feeds.close();
  });

  it('is not looked for after the end', async () => {
    const { memory, feeds } = await followed();
    memory.store();
    feeds.close();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('comparing without a cause', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function watched(size: number) {
    const asked: string[][] = [];
    const feed = { hasReached: () => true, isReading: () => false };
    const rooms = new Map(
      Array.from({ length: size }, (_, n) => [n, { room: roomOf('/', `${n}`), feed: feed as never }]),
    );
    const watch = createTailWatch({
      logs: {
        async tops(compared) {
          asked.push(compared.map(({ roomid }) => roomid));
          return succeed(compared.map(() => ({ top: 0 })));
        },
      },
      rooms,
      probe: async () => succeed(undefined),
      onLoss: () => undefined,
      timers: globalThis,
    });
    return { asked, rooms, feed, watch };
  }

  it.each([1, 7, 30, 95, 10_000])('asks for each of %i rooms once in five minutes', async (size) => {
    const { asked, watch } = watched(size);
    await vi.advanceTimersByTimeAsync(4 * 5 * MINUTE_MS);
    const times = new Map<string, number>();
    for (const roomid of asked.flat()) times.set(roomid, (times.get(roomid) ?? 0) + 1);
    expect(times.size).toBe(size);
    expect(Math.max(...times.values())).toBeLessThanOrEqual(4);
    expect(Math.min(...times.values())).toBeGreaterThanOrEqual(3);
    watch.close();
  });

  it('asks for at most 400 rooms every ten seconds, however many there are', async () => {
    const { asked, watch } = watched(100_000);
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
    expect(asked).toHaveLength(30);
    expect(Math.max(...asked.map(({ length }) => length))).toBe(400);
    watch.close();
  });

  it('comes to every room although others come and go all the time', async () => {
    const { asked, rooms, feed, watch } = watched(300);
    for (let n = 300; n < 300 + 90 * 20; n += 1) {
      rooms.set(n, { room: roomOf('/', `${n}`), feed: feed as never });
      rooms.delete(n - 200);
      if (n % 20 === 0) await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(asked.flat().filter((roomid) => roomid === '0').length).toBeGreaterThanOrEqual(3);
    watch.close();
  });

  it('compares the rooms of the servers that answer while another one is away', async () => {
    const resynced: number[] = [];
    const feedOf = (n: number) => ({
      hasReached: () => false,
      isReading: () => false,
      resync: () => resynced.push(n),
    });
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    const watch = createTailWatch({
      logs: {
        tops: async (compared) =>
          succeed(compared.map(({ roomid }) => (Number(roomid) % 3 === 0 ? undefined : { top: 1 }))),
      },
      rooms: new Map(numbers.map((n) => [n, { room: roomOf('/', `${n}`), feed: feedOf(n) as never }])),
      probe: async () => succeed(undefined),
      onLoss: () => undefined,
      timers: globalThis,
    });
    await watch.compareAll();
    expect(resynced).toEqual(numbers.filter((n) => n % 3 !== 0));
    watch.close();
  });

  it('reads the ends again when something is lost while it reads them', async () => {
    const answers: (() => void)[] = [];
    let resyncs = 0;
    let top = 0;
    const feed = {
      hasReached: (_: string, seq: number) => seq === 0,
      isReading: () => false,
      resync: () => ++resyncs,
    };
    const watch = createTailWatch({
      logs: {
        tops: async () => {
          const end = { top };
          await new Promise<void>((resolve) => answers.push(resolve));
          return succeed([end]);
        },
      },
      rooms: new Map([[1, { room, feed: feed as never }]]),
      probe: async () => succeed(undefined),
      onLoss: () => undefined,
      timers: globalThis,
    });
    const compared = watch.compareAll();
    top = 1;
    void watch.compareAll();
    answers[0]?.();
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.();
    await compared;
    expect([resyncs, answers.length]).toEqual([1, 2]);
    watch.close();
  });
});

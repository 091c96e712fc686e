import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFeeds } from '../../src/chat/feeds.ts';
import { roomOf } from '../../src/chat/room.ts';
import { createMemoryRoom } from '../support/memory-room.ts';

const room = roomOf('/', 'lobby');

async function followed() {
  const memory = createMemoryRoom();
  const delivered: number[] = [];
  const feeds = createFeeds({
    logs: memory.logs,
    bus: memory.bus,
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
  return { memory, delivered, feeds };
}

describe('a message that the bus lost at the end of a quiet room', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is found by comparing the ends, in less than four seconds', async () => {
    const { memory, delivered, feeds } = await followed();
    memory.store();
    await vi.advanceTimersByTimeAsync(3_900);
    expect(delivered).toEqual([1]);
    memory.store();
    await vi.advanceTimersByTimeAsync(3_900);
    expect(delivered).toEqual([1, 2]);
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
    const { memory, delivered, feeds } = await followed();
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
    await vi.advanceTimersByTimeAsync(20_000);
    expect(delivered).toEqual([]);
    memory.failReads(false);
    await vi.advanceTimersByTimeAsync(3_900);
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

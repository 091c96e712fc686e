import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEndingConnections } from '../../../src/server/transport/ending-connections.ts';
import type { Connection } from '../../../src/server/transport/private-members.ts';

function setUp() {
  const stream = { bytesRead: 1_000, destroyed: false };
  const terminated: Connection[] = [];
  const endings = createEndingConnections({
    pauseReading: () => undefined,
    streamOf: () => stream as never,
    terminate: (connection) => void terminated.push(connection),
  });
  const connection = {} as Connection;
  endings.closed(connection);
  return { stream, terminated, connection };
}

describe('a connection that was closed', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('may still send what is in flight and its close frame', () => {
    const { stream, terminated } = setUp();
    stream.bytesRead += 64 * 1024;
    vi.advanceTimersByTime(200);
    stream.destroyed = true;
    vi.advanceTimersByTime(60_000);
    expect(terminated).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is terminated if it goes on sending', () => {
    const { stream, terminated, connection } = setUp();
    stream.bytesRead += 64 * 1024 + 1;
    vi.advanceTimersByTime(20);
    expect(terminated).toEqual([connection]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is terminated if it never answers the close', () => {
    const { terminated, connection } = setUp();
    vi.advanceTimersByTime(4_900);
    expect(terminated).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(terminated).toEqual([connection]);
  });
});

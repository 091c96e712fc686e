import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEndingLinks } from '../../../src/server/transport/ending-links.ts';
import type { Link } from '../../../src/server/transport/link-internals.ts';

function setUp() {
  const stream = { bytesRead: 1_000, destroyed: false };
  const terminated: Link[] = [];
  const endings = createEndingLinks({
    streamOf: () => stream as never,
    terminate: (link) => void terminated.push(link),
  });
  const link = {} as Link;
  endings.closed(link);
  return { stream, terminated, link };
}

describe('a link that was closed', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('may still send what was under way, and say farewell', () => {
    const { stream, terminated } = setUp();
    stream.bytesRead += 64 * 1024;
    vi.advanceTimersByTime(200);
    stream.destroyed = true;
    vi.advanceTimersByTime(60_000);
    expect(terminated).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cut off when it goes on sending', () => {
    const { stream, terminated, link } = setUp();
    stream.bytesRead += 64 * 1024 + 1;
    vi.advanceTimersByTime(20);
    expect(terminated).toEqual([link]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cut off when it says nothing', () => {
    const { terminated, link } = setUp();
    vi.advanceTimersByTime(4_900);
    expect(terminated).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(terminated).toEqual([link]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDeadlines } from '../../../src/backend/redis/connection/deadlines.ts';

function setUp() {
  const deadlines = createDeadlines({ afterMs: 100, now: () => performance.now() });
  const expired: string[] = [];
  return { deadlines, expired, begin: (name: string) => deadlines.begin(() => expired.push(name)) };
}

describe('the deadlines of calls', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('come for each call when its own time is over, also behind others that were answered', () => {
    const { expired, begin } = setUp();
    const first = begin('first');
    vi.advanceTimersByTime(40);
    begin('second');
    const third = begin('third');
    vi.advanceTimersByTime(40);
    begin('fourth');
    first();
    third();
    vi.advanceTimersByTime(59);
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(expired).toEqual(['second']);
    vi.advanceTimersByTime(40);
    expect(expired).toEqual(['second', 'fourth']);
  });

  it('come also for a call that begins while another expires, and after all were answered for a while', () => {
    const { deadlines, expired, begin } = setUp();
    deadlines.begin(() => begin('within'));
    vi.advanceTimersByTime(199);
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(expired).toEqual(['within']);
    begin('answered')();
    vi.advanceTimersByTime(1_000);
    begin('late');
    vi.advanceTimersByTime(100);
    expect(expired).toEqual(['within', 'late']);
  });

  it('leave one timer at most, and none once they are closed', () => {
    const { deadlines, expired, begin } = setUp();
    const answers = Array.from({ length: 50 }, (_, n) => begin(String(n)));
    expect(vi.getTimerCount()).toBe(1);
    for (const answered of answers) answered();
    begin('open');
    expect(vi.getTimerCount()).toBe(1);
    deadlines.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTypists } from '../../src/client/typists.ts';

function setUp() {
  const sent: boolean[] = [];
  const seen: string[] = [];
  const typists = createTypists({
    send: (on) => sent.push(on),
    onChange: ({ username, on }) => seen.push(`${username} ${on ? 'began' : 'stopped'}`),
    now: Date.now,
  });
  const hear = (username: string, on: boolean) =>
    typists.receive({ roomid: 'tea', userId: username.toLowerCase(), username, on });
  return { sent, seen, typists, hear };
}

describe('who types', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is reported once as it begins, and as it stops', () => {
    const { seen, hear } = setUp();
    hear('Ann', true);
    hear('Bob', true);
    hear('Ann', true);
    hear('Ann', false);
    hear('Ann', false);
    expect(seen).toEqual(['Ann began', 'Bob began', 'Ann stopped']);
  });

  it('stops by itself 6 s after the last sign of it', () => {
    const { seen, hear } = setUp();
    hear('Ann', true);
    vi.advanceTimersByTime(5_900);
    hear('Ann', true);
    vi.advanceTimersByTime(5_900);
    expect(seen).toEqual(['Ann began']);
    vi.advanceTimersByTime(100);
    expect(seen).toEqual(['Ann began', 'Ann stopped']);
    hear('Ann', true);
    expect(seen.at(-1)).toBe('Ann began');
  });

  it('is not reported after the end', () => {
    const { seen, hear, typists } = setUp();
    hear('Ann', true);
    typists.end();
    vi.advanceTimersByTime(60_000);
    expect(seen).toEqual(['Ann began']);
  });

  it('is said with every key, and sent now and then, so that it never expires at the others', () => {
    const { sent, typists } = setUp();
    typists.report(false);
    expect(sent).toEqual([]);
    for (let ms = 0; ms < 10_000; ms += 100) {
      typists.report(true);
      vi.advanceTimersByTime(100);
    }
    expect(sent).toEqual([true, true, true, true]);
    typists.report(false);
    typists.report(false);
    typists.report(true);
    expect(sent).toEqual([true, true, true, true, false, true]);
  });
});

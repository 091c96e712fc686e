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

  it('is sent no sooner than the server passes on, but then as it is', () => {
    const { sent, typists } = setUp();
    typists.report(true);
    vi.advanceTimersByTime(300);
    typists.report(false);
    vi.advanceTimersByTime(300);
    typists.report(true);
    expect(sent).toEqual([true, false]);
    vi.advanceTimersByTime(599);
    expect(sent).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([true, false, true]);
    typists.report(false);
    vi.advanceTimersByTime(300);
    expect(sent).toEqual([true, false, true, false]);
  });

  it('is not sent if it ended before the server would have passed it on', () => {
    const { sent, typists } = setUp();
    for (const on of [true, false, true, false]) {
      typists.report(on);
      vi.advanceTimersByTime(200);
    }
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([true, false]);
  });

  it('says its end twice, since the first one may be lost', () => {
    const { sent, typists } = setUp();
    typists.report(true);
    vi.advanceTimersByTime(2_000);
    typists.report(false);
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([true, false, false]);
  });

  it('says its end once if it begins again', () => {
    const { sent, typists } = setUp();
    typists.report(true);
    vi.advanceTimersByTime(2_000);
    typists.report(false);
    vi.advanceTimersByTime(500);
    typists.report(true);
    vi.advanceTimersByTime(1_500);
    expect(sent).toEqual([true, false, true]);
  });

  it('stops when its author is known to have said something or left', () => {
    const { seen, hear, typists } = setUp();
    hear('Ann', true);
    typists.stopped('bob');
    typists.stopped('ann');
    vi.advanceTimersByTime(60_000);
    expect(seen).toEqual(['Ann began', 'Ann stopped']);
  });
});

import { describe, expect, it } from 'vitest';
import { covers, rangeToDraw } from '../../../src/page/room/drawn-range.ts';
import { saidEntry } from '../../../src/page/room/timeline.ts';
import { rowsOf, sayings } from './chat-events.ts';

const rows = rowsOf(
  sayings(1, 100).map((message) => saidEntry(message)),
  [],
  { userId: 'g-me', username: 'Mia' },
  true,
);

describe('the rows that are drawn', () => {
  it('are those in sight and eight more on both sides, as far as there are any', () => {
    expect(rangeToDraw({ startIndex: 40, endIndex: 49 }, 100, false)).toEqual({ from: 32, to: 58, top: 40 });
    expect(rangeToDraw({ startIndex: 2, endIndex: 97 }, 100, false)).toEqual({ from: 0, to: 100, top: 2 });
  });

  it('are all of the new ones at an end that the list follows, unless there are too many', () => {
    expect(rangeToDraw({ startIndex: 60, endIndex: 69 }, 100, true).to).toBe(100);
    expect(rangeToDraw({ startIndex: 60, endIndex: 69 }, 1_000, true).to).toBe(78);
  });

  it('stay as long as some are left on both sides of those in sight', () => {
    const drawn = rangeToDraw({ startIndex: 40, endIndex: 49 }, 100, false);
    const stay = (startIndex: number) => covers(drawn, { startIndex, endIndex: startIndex + 9 }, rows);
    expect([36, 40, 44].map(stay)).toEqual([true, true, true]);
    expect([35, 45].map(stay)).toEqual([false, false]);
    const whole = rangeToDraw({ startIndex: 2, endIndex: 97 }, 100, false);
    expect(covers(whole, { startIndex: 0, endIndex: 99 }, rows)).toBe(true);
  });

  it('are drawn anew when the first one in sight is of another day', () => {
    const drawn = rangeToDraw({ startIndex: 40, endIndex: 49 }, 100, false);
    const days = rows.map((row, index) => (index === 42 ? { ...row, day: 1 } : row));
    expect(covers(drawn, { startIndex: 43, endIndex: 52 }, days)).toBe(false);
    expect(covers(drawn, { startIndex: 41, endIndex: 50 }, days)).toBe(true);
  });
});

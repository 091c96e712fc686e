import { describe, expect, it } from 'vitest';
import { createFlushPace } from '../../../src/server/delivery/flush-pace.ts';

const LONGEST_MS = 20;
/** How long is looked at between two changes of the window. */
const LOOK_MS = 50;

function setUp(longestMs = LONGEST_MS) {
  let at = 0;
  let utilization = 0;
  const pace = createFlushPace({ longestMs, now: () => at, utilization: () => utilization });
  return {
    windowMs: pace.windowMs,
    /** That part of its time the worker writes, for so many looks. */
    write(share: number, looks = 20) {
      for (let n = 0; n < looks; n += 1) {
        at += LOOK_MS;
        pace.wrote(share * LOOK_MS);
      }
    },
    /** Writes take `share` of its time with no window, and less the longer it gathers. */
    writeGathered(share: number, perMs: number, looks = 40) {
      for (let n = 0; n < looks; n += 1) {
        at += LOOK_MS;
        pace.wrote((share * LOOK_MS) / (1 + perMs * pace.windowMs()));
      }
    },
    rest(ms: number) {
      at += ms;
    },
    busy(share: number) {
      utilization = share;
    },
  };
}

describe('the pace of writing', () => {
  it('gathers nothing beyond a turn while writing takes little of the time', () => {
    const { write, windowMs } = setUp();
    write(0.12, 100);
    expect(windowMs()).toBe(0);
  });

  it('gathers up to its limit if writing takes all of the time', () => {
    const { write, windowMs } = setUp();
    write(0.9);
    expect(windowMs()).toBe(LONGEST_MS);
  });

  it('gathers only until writing is down to its share of the time', () => {
    const { writeGathered, windowMs } = setUp();
    writeGathered(0.3, 0.2);
    // (1 + 0.2 * 5) halves it.
    expect(windowMs()).toBeGreaterThan(3);
    expect(windowMs()).toBeLessThan(8);
  });

  it('stops gathering when the rooms are quiet again', () => {
    const { write, rest, windowMs } = setUp();
    write(0.9);
    write(0.05);
    expect(windowMs()).toBe(0);
    write(0.9);
    rest(5_000);
    write(0.05, 1);
    expect(windowMs()).toBe(0);
  });

  it('gathers if the event loop is busy with anything', () => {
    const { write, busy, windowMs } = setUp();
    busy(0.99);
    write(0.1);
    expect(windowMs()).toBe(LONGEST_MS);
  });

  it('never gathers when no window is allowed', () => {
    const { write, windowMs } = setUp(0);
    write(0.9);
    expect(windowMs()).toBe(0);
  });
});

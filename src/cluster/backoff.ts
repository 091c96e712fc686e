const SECOND_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
const HEALTHY_MS = 60_000;

export interface Backoff {
  /** Returns how long to wait before the next try, given how long the last one served. */
  next(servedMs: number): number;
}

/**
 * The first respawn is immediate, so that one crash costs clients less than a second. The following ones wait at most 0.5, 1,
 * 2, 4, 8, 10 s, so that a worker that crashes in a loop leaves the CPU to the others. Up to half of that is left out at
 * random, so that slots which crash together do not start together. A minute of service resets the delay.
 */
export function createBackoff(random: () => number): Backoff {
  let tries = 0;
  return {
    next(servedMs) {
      if (servedMs >= HEALTHY_MS) tries = 0;
      const longestMs = tries === 0 ? 0 : Math.min(LONGEST_DELAY_MS, SECOND_DELAY_MS * 2 ** (tries - 1));
      tries += 1;
      return Math.round(longestMs * (1 - random() / 2));
    },
  };
}

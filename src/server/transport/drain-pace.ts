/** A fresh worker has not compiled its code yet, so the first clients come in small numbers. */
const FIRST_WINDOW = 20;
const LARGEST_WINDOW = 500;
/** A client that is not seen by then has gone to another host, or comes back later. */
const FORGET_MS = 3_000;

export interface DrainPace {
  /** Returns how many more clients may be disconnected now. */
  allowance(): number;
  letGo(count: number): void;
  /** This many clients have connected to the workers that take over. */
  arrived(count: number): void;
}

/**
 * Paces the disconnects of a draining worker as TCP paces a sender: few clients are between two workers at a time.
 * Each arrival makes room for another client and widens the window by one; clients that do not arrive close it. So slow
 * successors slow the drain down, whatever makes them slow.
 */
export function createDrainPace(now: () => number): DrainPace {
  const letGoAt: number[] = [];
  let window = FIRST_WINDOW;

  return {
    allowance() {
      const oldest = now() - FORGET_MS;
      while (letGoAt[0] !== undefined && letGoAt[0] < oldest) letGoAt.shift();
      return Math.max(0, window - letGoAt.length);
    },
    letGo(count) {
      for (let n = 0; n < count; n += 1) letGoAt.push(now());
    },
    arrived(count) {
      const expected = letGoAt.splice(0, count).length;
      window = Math.min(LARGEST_WINDOW, window + expected);
    },
  };
}

import type { Utilization } from './event-loop.ts';

/**
 * Measures how far this worker's event loop is the bottleneck. Gathering saves work and costs latency, so it begins here:
 * below 70 % nothing waits, and above that the windows grow with the load.
 *
 * The load is that which the worker would have without gathering. Measured alone, it would fall as soon as windows open, and
 * they would close again: at 200,000 deliveries a second a worker needs 0.4 of a core with a window of 40 ms, and more than
 * it has without.
 *
 * The processor time of all threads counts, and not how long the loop is busy. Beside other processes a turn takes longer for the same work,
 * and a message that already waits for a core shall not wait for a window, too. But a loop that is hardly ever idle is the
 * bottleneck whatever keeps it, as on a machine with a quota.
 */
export interface Saturation {
  /** From 0, nothing may wait, to 1, the longest windows. */
  level(): number;
  /** Reports the processor time that gathering across turns has just saved. */
  spared(ms: number): void;
}

export interface SaturationDeps {
  /** A clock that only rises, ms. */
  readonly now: () => number;
  /** The processor time of this process since its start, ms. */
  readonly cpuMs: () => number;
  readonly utilization: Utilization;
}

const MEASURE_MS = 100;
/** The last measurement says nothing after this long without a question. */
const STALE_MS = 1_000;
/** The share of a core from which on work is gathered, and from which on as much as possible. */
const LOAD = { from: 0.7, to: 0.9 };
const BUSY = { from: 0.9, to: 1 };

export function createSaturation({ now, cpuMs, utilization }: SaturationDeps): Saturation {
  let level = 0;
  let sparedMs = 0;
  let measuredAt = now();
  let cpuAtMs = cpuMs();

  function measure(elapsedMs: number): void {
    const cpuNowMs = cpuMs();
    const load = (cpuNowMs - cpuAtMs + sparedMs) / elapsedMs;
    const next = Math.max(within(LOAD, load), within(BUSY, utilization()));
    // One long turn, such as a collection of garbage, is no load.
    level = elapsedMs > STALE_MS ? 0 : (level + next) / 2;
    cpuAtMs = cpuNowMs;
    measuredAt += elapsedMs;
    sparedMs = 0;
  }

  return {
    level() {
      const elapsedMs = now() - measuredAt;
      if (elapsedMs >= MEASURE_MS) measure(elapsedMs);
      return level;
    },
    spared(ms) {
      sparedMs += ms;
    },
  };
}

function within({ from, to }: { readonly from: number; readonly to: number }, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

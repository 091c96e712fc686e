export interface SteadyClockDeps {
  /** The wall clock. */
  readonly now: () => number;
  /** A clock that cannot be set, from whatever time on. */
  readonly elapsedMs: () => number;
  /** It does not begin before this. */
  readonly notBeforeMs: number;
}

/**
 * For what is remembered for a while, over restarts too: it begins with the wall clock's time and goes on at the true pace
 * whatever the wall clock is set to, so that nothing is forgotten too early. Set ahead while nothing runs, the clock
 * cannot be told from time that passed.
 */
export function createSteadyClock({ now, elapsedMs, notBeforeMs }: SteadyClockDeps): () => number {
  const offsetMs = Math.max(now(), notBeforeMs) - elapsedMs();
  return () => offsetMs + elapsedMs();
}

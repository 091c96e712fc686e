export interface SteadyClockDeps {
  /** The wall clock. */
  readonly now: () => number;
  /** The monotonic clock; its zero does not matter. */
  readonly elapsedMs: () => number;
  /** The earliest time to begin with. */
  readonly notBeforeMs: number;
}

/**
 * The clock of records that expire. It begins with the wall clock's time and then follows the monotonic clock, so that
 * nothing expires early when the wall clock is set. A wall clock that is set ahead while the primary is down cannot be
 * told from time that has passed.
 */
export function createSteadyClock({ now, elapsedMs, notBeforeMs }: SteadyClockDeps): () => number {
  const offsetMs = Math.max(now(), notBeforeMs) - elapsedMs();
  return () => offsetMs + elapsedMs();
}

export interface ForwardClockDeps {
  /** The wall clock, which may be set back or ahead. */
  readonly now: () => number;
  /** One that cannot be set, but may stand still while the device sleeps. */
  readonly elapsedMs: () => number;
}

/**
 * For how long something lasts: begins with the wall clock's time and never goes on by less than what passed, whatever the
 * clock is set to. Set ahead it goes along, for that may have been a sleep.
 */
export function createForwardClock({ now, elapsedMs }: ForwardClockDeps): () => number {
  let atMs = now();
  let nowMs = atMs;
  let elapsed = elapsedMs();
  return () => {
    const [laterMs, further] = [now(), elapsedMs()];
    atMs += Math.max(laterMs - nowMs, further - elapsed, 0);
    nowMs = laterMs;
    elapsed = further;
    return atMs;
  };
}

export interface ForwardClockDeps {
  /** The wall clock, which may be set back or ahead. */
  readonly now: () => number;
  /** A monotonic clock, which may stand still while the device sleeps. */
  readonly elapsedMs: () => number;
}

/** A larger difference between the clocks means that the wall clock was set, or that the device slept. */
const SET_BY_MS = 1_000;

/**
 * A clock in ms that measures durations. It starts at the wall clock's time and never advances by less than the time that
 * passed, whatever the wall clock is set to. It follows a wall clock that is set ahead, since the device may have slept, but
 * not one that returns, to the second, to where it was before somebody set it back.
 */
export function createForwardClock({ now, elapsedMs }: ForwardClockDeps): () => number {
  let atMs = now();
  let nowMs = atMs;
  let elapsed = elapsedMs();
  let setBackMs = 0;
  return () => {
    const [laterMs, further] = [now(), elapsedMs()];
    const [wentMs, passedMs] = [laterMs - nowMs, further - elapsed];
    const aheadMs = wentMs - passedMs;
    const isSetRight = setBackMs > 0 && Math.abs(aheadMs - setBackMs) < SET_BY_MS;
    if (isSetRight) setBackMs = 0;
    else if (aheadMs <= -SET_BY_MS) setBackMs -= aheadMs;
    atMs += Math.max(isSetRight ? 0 : wentMs, passedMs, 0);
    nowMs = laterMs;
    elapsed = further;
    return atMs;
  };
}

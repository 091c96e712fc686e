export interface ForwardClockDeps {
  /** The wall clock, which may be set back or ahead. */
  readonly now: () => number;
  /** One that cannot be set, but may stand still while the device sleeps. */
  readonly elapsedMs: () => number;
}

/** By less the two clocks differ by themselves; by more the wall clock was set, or the device slept. */
const SET_BY_MS = 1_000;

/**
 * For how long something lasts: begins with the wall clock's time and never goes on by less than what passed, whatever the
 * clock is set to. Set ahead it goes along, for that may have been a sleep; not so when that takes back, to the second, what
 * it was set back by before.
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

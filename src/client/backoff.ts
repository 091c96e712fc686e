/** The longest wait of a timer: it fires at once after a longer one. */
export const MAX_WAIT_MS = 2 ** 31 - 1;

export interface BackoffOptions {
  readonly minMs?: number;
  readonly maxMs?: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Growing waits with jitter, so that clients which were lost together do not come back together. */
export interface Backoff {
  nextMs(): number;
  reset(): void;
}

export function createBackoff({ minMs = 500, maxMs = 5_000, random }: BackoffOptions): Backoff {
  let ceilingMs = minMs;
  return {
    nextMs() {
      ceilingMs = Math.min(maxMs, ceilingMs * 2);
      return Math.min(MAX_WAIT_MS, Math.round(minMs + random() * Math.max(0, ceilingMs - minMs)));
    },
    reset() {
      ceilingMs = minMs;
    },
  };
}

/** The wait after a temporary refusal: as long as the server says, else longer each time. */
export function retryWaitMs(
  retryAfterMs: number | undefined,
  backoff: Pick<Backoff, 'nextMs'>,
  random: () => number,
): number {
  return retryAfterMs === undefined ? backoff.nextMs() : spreadMs(retryAfterMs, random);
}

const LEAST_SPREAD_MS = 200;

/** Adds jitter: never earlier than the given wait, and up to a quarter later, but not by more than `mostMs`. */
export function spreadMs(waitMs: number, random: () => number, mostMs = Number.POSITIVE_INFINITY): number {
  const spread = Math.min(mostMs, Math.max(LEAST_SPREAD_MS, waitMs / 4));
  return Math.min(MAX_WAIT_MS, Math.round(waitMs + random() * spread));
}

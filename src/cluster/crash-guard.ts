const MOST_FAILURES = 5;
/** A worker that ends sooner after `ready` than this has failed to start. */
const PROVEN_MS = 5_000;

/** The starts of one slot's workers that failed in a row. */
export interface CrashGuard {
  /** The slot's current worker reports ready. */
  ready(): void;
  /** The slot's current worker ended unasked, after it served so long; 0 if it was never ready. */
  ended(servedMs: number, cause: string): void;
  /** Returns whether another attempt is pointless, provided that none has ever succeeded. */
  isLoop(): boolean;
  failures(): { readonly failures: number; readonly reason: string } | undefined;
}

/** A build may report ready and crash soon after. So a worker ends a row of failures only once it has served five seconds. */
export function createCrashGuard(now: () => number): CrashGuard {
  let failures = 0;
  let reason = '';
  let readyAtMs = Number.POSITIVE_INFINITY;
  const recent = () => (now() - readyAtMs >= PROVEN_MS ? 0 : failures);
  return {
    ready() {
      failures = recent();
      readyAtMs = now();
    },
    ended(servedMs, cause) {
      failures = servedMs >= PROVEN_MS ? 0 : recent() + 1;
      reason = cause;
      readyAtMs = Number.POSITIVE_INFINITY;
    },
    isLoop: () => recent() >= MOST_FAILURES,
    failures: () => (recent() === 0 ? undefined : { failures: recent(), reason }),
  };
}

const MOST_FAILURES = 5;

/** The starts of one slot's workers that failed in a row. */
export interface CrashGuard {
  served(): void;
  diedUnready(cause: string): void;
  /** Returns whether another attempt is pointless, provided that none has ever succeeded. */
  isLoop(): boolean;
  failures(): { readonly failures: number; readonly reason: string } | undefined;
}

export function createCrashGuard(): CrashGuard {
  let failures = 0;
  let reason = '';
  return {
    served() {
      failures = 0;
    },
    diedUnready(cause) {
      failures += 1;
      reason = cause;
    },
    isLoop: () => failures >= MOST_FAILURES,
    failures: () => (failures === 0 ? undefined : { failures, reason }),
  };
}

const DEATHS_ALLOWED = 5;

export interface CrashGuard {
  served(): void;
  /** True when it is pointless to try again. */
  diedUnready(): boolean;
}

/** Counts the workers of a slot that died in a row without ever serving: a bad release, not bad luck. */
export function createCrashGuard(): CrashGuard {
  let deaths = 0;
  return {
    served() {
      deaths = 0;
    },
    diedUnready() {
      deaths += 1;
      return deaths >= DEATHS_ALLOWED;
    },
  };
}

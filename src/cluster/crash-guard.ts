const DEATHS_ALLOWED = 5;

export interface CrashGuard {
  served(): void;
  /** Returns true when another try is pointless. */
  diedUnready(): boolean;
}

/** Detects a crash loop: several workers of a slot in a row that died before they were ready. */
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

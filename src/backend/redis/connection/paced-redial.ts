/** Dials again after repeated failures. A redial cuts the calls in flight, so the pauses between redials grow. */
export interface PacedRedial {
  /** Notes whether the server served its purpose. */
  note(served: boolean): void;
}

export interface PacedRedialDeps {
  readonly redial: () => void;
  /** A monotonic clock, ms. */
  readonly now: () => number;
}

/** One failure may pass by itself. */
const FAILURES = 2;
const SHORTEST_MS = 2_000;
const LONGEST_MS = 30_000;

export function createPacedRedial({ redial, now }: PacedRedialDeps): PacedRedial {
  let failures = 0;
  let pauseMs = 0;
  let notBeforeMs = Number.NEGATIVE_INFINITY;

  return {
    note(served) {
      failures = served ? 0 : failures + 1;
      if (served) pauseMs = 0;
      if (failures < FAILURES || now() < notBeforeMs) return;
      pauseMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, 2 * pauseMs));
      notBeforeMs = now() + pauseMs;
      redial();
    },
  };
}

const LOOK_MS = 500;
/** The most that one look adds: while this process was frozen or late itself, it could not have heard the worker. */
const MOST_PER_LOOK_MS = 2 * LOOK_MS;
/** A worker reports its counts every second. */
const SUSPECT_MS = 3_000;
const HUNG_MS = 10_000;

export interface SilenceWatch {
  /** Begins to listen. A second call does no harm. */
  start(): void;
  /** The worker reported its counts. */
  heard(): void;
  stop(): void;
}

export interface SilenceWatchDeps {
  /** A monotonic clock, ms. */
  readonly now: () => number;
  /** No report for 3 s: the worker's event loop is blocked, or its process is stopped. */
  readonly onSuspect: () => void;
  /** No report for 10 s. */
  readonly onHung: () => void;
}

/** Measures how long a worker has not reported, without the time in which the primary itself stood still. */
export function createSilenceWatch({ now, onSuspect, onHung }: SilenceWatchDeps): SilenceWatch {
  let timer: NodeJS.Timeout | undefined;
  let silentMs = 0;
  let lookedAtMs = 0;

  function look(): void {
    const before = silentMs;
    silentMs += Math.min(now() - lookedAtMs, MOST_PER_LOOK_MS);
    lookedAtMs = now();
    if (before < SUSPECT_MS && silentMs >= SUSPECT_MS) onSuspect();
    if (before < HUNG_MS && silentMs >= HUNG_MS) onHung();
  }

  return {
    start() {
      lookedAtMs = now();
      timer ??= setInterval(look, LOOK_MS);
    },
    heard() {
      silentMs = 0;
      lookedAtMs = now();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

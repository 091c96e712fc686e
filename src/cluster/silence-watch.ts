const CHECK_MS = 500;
/** The most that one check adds: while this process was frozen or late itself, it could not receive the worker's reports. */
const MOST_PER_CHECK_MS = 2 * CHECK_MS;
/** A worker reports its counts every second. */
const SUSPECT_MS = 3_000;
const HUNG_MS = 10_000;

export interface SilenceWatch {
  /** Starts the measurement. A second call does no harm. */
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
  /** Called at each check from then on, twice a second, until it is heard or hung. */
  readonly onSilent: () => void;
  /** No report for 10 s. */
  readonly onHung: () => void;
}

/** Measures how long a worker has not reported, without the time in which the primary itself stood still. */
export function createSilenceWatch({ now, onSuspect, onSilent, onHung }: SilenceWatchDeps): SilenceWatch {
  let timer: NodeJS.Timeout | undefined;
  let silentMs = 0;
  let checkedAtMs = 0;

  function check(): void {
    const before = silentMs;
    silentMs += Math.min(now() - checkedAtMs, MOST_PER_CHECK_MS);
    checkedAtMs = now();
    if (before < SUSPECT_MS && silentMs >= SUSPECT_MS) onSuspect();
    if (silentMs >= SUSPECT_MS && silentMs < HUNG_MS) onSilent();
    if (before < HUNG_MS && silentMs >= HUNG_MS) onHung();
  }

  return {
    start() {
      checkedAtMs = now();
      timer ??= setInterval(check, CHECK_MS);
    },
    heard() {
      silentMs = 0;
      checkedAtMs = now();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

/** The turns of a connection: one begins whenever a try begins or ends, and leaves the timer of the last one without effect. */
export interface Turns {
  readonly current: number;
  /** Begins a turn and returns its number. */
  next(): number;
  /** Calls back after that time, unless a turn or another timer begins before. */
  after(ms: number, run: () => void): void;
  stopTimer(): void;
}

export function createTurns(): Turns {
  let current = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopTimer = () => clearTimeout(timer);

  return {
    get current() {
      return current;
    },
    next() {
      stopTimer();
      current += 1;
      return current;
    },
    after(ms, run) {
      stopTimer();
      timer = setTimeout(run, ms);
    },
    stopTimer,
  };
}

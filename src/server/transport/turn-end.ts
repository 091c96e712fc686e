/**
 * Runs tasks at the end of a turn of the event loop: first the writes of rooms to their members, then the release of gathered
 * streams. One `setImmediate` serves both, because a release must follow the writes.
 */
export interface TurnEnd {
  /** Runs a task that writes to streams. */
  write(task: () => void): void;
  /** Runs a task that uncorks streams, after all writes. */
  release(task: () => void): void;
}

export function createTurnEnd(): TurnEnd {
  let writes: (() => void)[] = [];
  let releases: (() => void)[] = [];

  function end(): void {
    const tasks = [...writes, ...releases];
    writes = [];
    releases = [];
    for (const task of tasks) task();
  }

  function schedule(): void {
    if (writes.length + releases.length === 0) setImmediate(end);
  }

  return {
    write(task) {
      schedule();
      writes.push(task);
    },
    release(task) {
      schedule();
      releases.push(task);
    },
  };
}

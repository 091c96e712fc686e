/**
 * The end of a turn of the event loop, when what was gathered in it is written: first rooms to their members, then, with
 * that, what waits for single connections. One `setImmediate` for both, or the second would not find the first.
 */
export interface TurnEnd {
  /** Writes into streams. */
  write(task: () => void): void;
  /** Lets streams hand on what was written into them. */
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

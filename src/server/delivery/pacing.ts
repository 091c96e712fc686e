import type { Sized } from '../../sizes.ts';
export interface PacingDeps<T> {
  readonly everyMs: number;
  /** Notes under further keys meanwhile are dropped. */
  readonly mostKeys: number;
  readonly deliver: (noted: T) => void;
}

/** Delivers what is noted under a key at once, and what follows together, at most once in `everyMs`. */
export interface Pacing<T> {
  /** `merge` gets what waits under the key, if anything does. */
  note(key: string, merge: (waiting: T | undefined) => T): void;
  close(): void;
}

export function createPacing<T>({ everyMs, mostKeys, deliver }: PacingDeps<T>): Pacing<T> & Sized {
  /** A key is there until nothing was noted under it for `everyMs`. */
  const keys = new Map<string, { waiting?: T | undefined; timer: NodeJS.Timeout }>();

  function rest(key: string): void {
    const timer = setTimeout(() => {
      const waiting = keys.get(key)?.waiting;
      keys.delete(key);
      if (waiting === undefined) return;
      rest(key);
      deliver(waiting);
    }, everyMs);
    keys.set(key, { timer: timer.unref() });
  }

  return {
    sizes: () => ({ keys: keys.size }),
    note(key, merge) {
      const resting = keys.get(key);
      if (resting) resting.waiting = merge(resting.waiting);
      else if (keys.size < mostKeys) {
        rest(key);
        deliver(merge(undefined));
      }
    },
    close() {
      for (const { timer } of keys.values()) clearTimeout(timer);
      keys.clear();
    },
  };
}

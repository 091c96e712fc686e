import type { Sized } from '../sizes.ts';

/*
 * Repeats work until the store has accepted it. The caller holds the desired state; the reconciler only remembers for
 * which items the store does not have it yet. One item:
 *
 *   idle ──schedule──► waiting ──due, or flush──► ready ──a place is free──► running ──done──► idle
 *                        ▲                                                     │
 *                        └─────────────── failed, wait, scheduled meanwhile ───┘
 *
 * An item is never attempted twice at the same time, not even one cancelled and scheduled again during its attempt.
 * Scheduling an item again while it waits costs no second attempt.
 */

/** `failed`: repeat with backoff. `waitMs`: nothing failed, but it is not time yet. */
export type AttemptResult = 'done' | 'failed' | { readonly waitMs: number };

export interface ReconcilerOptions<T> {
  /**
   * Brings the store to the desired state of one item. MUST read that state when it is called, not when the item was
   * scheduled, and MUST be safe to repeat.
   */
  readonly attempt: (item: T) => Promise<AttemptResult>;
  /** An attempt rejected, which is a bug; it counts as failed. */
  readonly onError: (error: unknown) => void;
  /** Items with the same key are one; the item itself by default. */
  readonly keyOf?: (item: T) => unknown;
  /** The wait before the first retry; it doubles with each failure in a row, up to `maxRetryMs`. */
  readonly retryMs: number;
  readonly maxRetryMs?: number;
  /** An item that fails this often in a row is dropped. */
  readonly maxAttempts?: number;
  /** Attempts under way at the same time. */
  readonly concurrency?: number;
  /** Returns true while the store is known to be away; nothing is attempted then. */
  readonly isPaused?: () => boolean;
}

export interface Reconciler<T> {
  /** Attempts the item in `delayMs`, or earlier if it was scheduled for earlier. */
  schedule(item: T, delayMs?: number): void;
  /** The item needs no further attempt. An attempt under way goes on, but is not repeated. */
  cancel(item: T): void;
  /** Returns whether the item waits for an attempt; one under way does not count. */
  has(item: T): boolean;
  /** All items that are not cancelled, those under way included. */
  readonly size: number;
  /** Attempts all items now, first those due and then the waiting ones in the order scheduled: the store is back. */
  flush(): void;
  /** Forgets all items. An attempt under way goes on, but is not repeated. */
  close(): void;
}

interface Entry<T> {
  item: T;
  state: 'waiting' | 'ready' | 'running';
  dueAt: number;
  /** The timer of a waiting item. Node keeps timers of one length in a list, so thousands of them cost no search. */
  timer: NodeJS.Timeout | undefined;
  failures: number;
  /** It was scheduled for then during its attempt. */
  nextDueAt: number;
  /** It was cancelled during its attempt, whose result counts no longer. */
  cancelled: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;
const DEFAULT_CONCURRENCY = 100;

export function createReconciler<T>(options: ReconcilerOptions<T>): Reconciler<T> & Sized {
  const { attempt, onError, keyOf = (item) => item, retryMs, maxRetryMs = retryMs } = options;
  const { maxAttempts = NEVER, concurrency = DEFAULT_CONCURRENCY, isPaused } = options;
  const entries = new Map<unknown, Entry<T>>();
  /** Cancelled entries whose attempt is under way. */
  const ending = new Map<unknown, Entry<T>>();
  const ready = new Set<Entry<T>>();
  // One iterator for good: a new one would pass again over the places of all entries taken before. It ends for ever when
  // it is asked for an entry while there is none.
  const upcoming = ready.values();
  let running = 0;
  let pause: NodeJS.Timeout | undefined;
  let closed = false;

  const now = () => performance.now();

  function wait(entry: Entry<T>, dueAt: number): void {
    clearTimeout(entry.timer);
    entry.state = 'waiting';
    entry.dueAt = dueAt;
    entry.nextDueAt = NEVER;
    entry.timer = setTimeout(onDue, Math.max(0, dueAt - now()), entry).unref();
  }

  function onDue(entry: Entry<T>): void {
    makeReady(entry);
    startReady();
  }

  function makeReady(entry: Entry<T>): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    entry.state = 'ready';
    ready.add(entry);
  }

  function startReady(): void {
    if (ready.size > 0 && isPaused?.()) {
      pause ??= setTimeout(onPauseOver, retryMs).unref();
      return;
    }
    while (running < concurrency && ready.size > 0) {
      const { value: entry } = upcoming.next();
      if (!entry) return;
      ready.delete(entry);
      void run(entry);
    }
  }

  function onPauseOver(): void {
    pause = undefined;
    startReady();
  }

  async function run(entry: Entry<T>): Promise<void> {
    entry.state = 'running';
    running += 1;
    let result: AttemptResult;
    try {
      result = await attempt(entry.item);
    } catch (error) {
      onError(error);
      result = 'failed';
    }
    running -= 1;
    const key = keyOf(entry.item);
    ending.delete(key);
    if (entries.get(key) === entry) settle(entry, result);
    startReady();
  }

  function settle(entry: Entry<T>, result: AttemptResult): void {
    if (entry.cancelled) {
      entry.cancelled = false;
      entry.failures = 0;
      wait(entry, entry.nextDueAt);
      return;
    }
    entry.failures = result === 'failed' ? entry.failures + 1 : 0;
    let dueAt = entry.nextDueAt;
    if (typeof result === 'object') dueAt = Math.min(dueAt, now() + result.waitMs);
    else if (result === 'failed' && entry.failures < maxAttempts)
      dueAt = Math.min(dueAt, now() + backoffMs(entry));
    if (dueAt < NEVER) wait(entry, dueAt);
    else entries.delete(keyOf(entry.item));
  }

  function backoffMs({ failures }: Entry<T>): number {
    return Math.min(maxRetryMs, retryMs * 2 ** (failures - 1));
  }

  return {
    sizes: () => ({ entries: entries.size, ending: ending.size, ready: ready.size }),
    schedule(item, delayMs = retryMs) {
      if (closed) return;
      const key = keyOf(item);
      const dueAt = now() + delayMs;
      const known = entries.get(key) ?? ending.get(key);
      if (!known) {
        const entry = entryOf(item, dueAt);
        entries.set(key, entry);
        wait(entry, dueAt);
        return;
      }
      known.item = item;
      if (known.state === 'running') {
        known.nextDueAt = Math.min(known.nextDueAt, dueAt);
        ending.delete(key);
        entries.set(key, known);
      } else if (known.state === 'waiting' && dueAt < known.dueAt) wait(known, dueAt);
    },
    cancel(item) {
      const key = keyOf(item);
      const entry = entries.get(key);
      if (!entry) return;
      entries.delete(key);
      clearTimeout(entry.timer);
      ready.delete(entry);
      if (entry.state !== 'running') return;
      entry.cancelled = true;
      entry.nextDueAt = NEVER;
      ending.set(key, entry);
    },
    has(item) {
      const entry = entries.get(keyOf(item));
      return entry !== undefined && (entry.state !== 'running' || entry.nextDueAt < NEVER);
    },
    get size() {
      return entries.size;
    },
    flush() {
      for (const entry of entries.values()) if (entry.state === 'waiting') makeReady(entry);
      startReady();
    },
    close() {
      closed = true;
      for (const { timer } of entries.values()) clearTimeout(timer);
      clearTimeout(pause);
      entries.clear();
      ready.clear();
    },
  };
}

function entryOf<T>(item: T, dueAt: number): Entry<T> {
  return { item, state: 'waiting', dueAt, timer: undefined, failures: 0, nextDueAt: NEVER, cancelled: false };
}

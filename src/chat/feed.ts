import type { Logger } from 'pino';
import { MAX_PAGE_BYTES } from '../protocol/limits.ts';
import { type Entry, type EpochLink, type LogPage, NO_EPOCH, type RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/*
 * One room on one worker: hands entries on in the log's order, each once.
 *
 *   opening ──settle(page)──► flowing ──hole, other epoch, resync──► repairing ──log read──► flowing
 *
 * While opening or repairing, what arrives waits; in flowing, the expected entry passes at once.
 */

/** Entries that wait while the log is read. Beyond it they are dropped: the repair reads them from the log. */
const MAX_WAITING = 1_000;
const REPAIR_PAGE = 200;
const REPAIR_RETRY_MS = 250;
/** What passes while pages are read. Joins that never cease to overlap must not keep a room's whole day. */
const MAX_PASSED = 2_000;
const ARRIVAL_MS = 1_000;
/** A join does not wait longer than this for a log that cannot be read. */
const MEET_TIMEOUT_MS = 2_000;

export interface Gap {
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: 'epoch' | 'trimmed';
}

export interface FeedDeps {
  readonly room: Room;
  readonly logs: RoomLogs;
  readonly deliver: (entry: Entry) => void;
  /** Entries that cannot be had any more. */
  readonly onGap: (gap: Gap) => void;
  readonly counters: FeedCounters;
  readonly log: Logger;
}

/** Of all rooms of a worker together. */
export interface FeedCounters {
  repeatsDropped: number;
  holesRepaired: number;
}

export type Meeting<T> =
  | { readonly met: true; readonly value: T }
  | { readonly met: false; readonly why: 'stale' | 'behind' };

export interface Feed {
  accept(entry: Entry): void;
  /**
   * Brings the feed to the page's top or above, in its epoch, and calls `admit` with what has passed since the
   * page was read: in the same turn, so nothing of this room passes between. `stale`: the page is of an older
   * epoch, read a new one; `behind`: the log could not be read in time.
   *
   * The caller must have called `watch` before it read the page.
   */
  meet<T>(page: LogPage, admit: (since: readonly Entry[]) => T): Promise<Meeting<T>>;
  /** Keeps what passes from now on for `meet`, until the answer is called. */
  watch(): () => void;
  /** Compares with the log: something may have been missed. */
  resync(): void;
  /** Answers once that position has passed, or after a second: the log is then being asked. */
  arrival(epoch: string, seq: number): Promise<void>;
  /** Whether everything up to this position has passed. */
  reached(epoch: string | undefined, seq: number): boolean;
  close(): void;
}

export function createFeed({ room, logs, deliver, onGap, counters, log }: FeedDeps): Feed {
  let epoch: string | undefined;
  let last = 0;
  /** The epochs before this one, as the store told. */
  let past: readonly EpochLink[] = [];
  let closed = false;
  let repairing: Promise<void> | undefined;
  let waiting: Entry[] = [];
  let overflowed = false;
  /** Entries for which the log was asked already: asking again would not end. */
  const asked = new WeakSet<Entry>();
  let watchers = 0;
  let passed: Entry[] = [];
  /** What passed before this number is not kept any more. */
  let passedFrom = 0;
  const arrivals = new Set<() => void>();

  function accept(entry: Entry): void {
    if (epoch === NO_EPOCH && !repairing && entry.seq === 1) epoch = entry.epoch;
    if (epoch === undefined || repairing) {
      if (waiting.length < MAX_WAITING) waiting.push(entry);
      else overflowed = true;
    } else if (entry.epoch === epoch && entry.seq === last + 1) {
      pass(entry);
    } else if (entry.epoch === epoch && entry.seq <= last) {
      counters.repeatsDropped += 1;
    } else if (!asked.has(entry)) {
      asked.add(entry);
      waiting.push(entry);
      resync();
    }
  }

  function acceptWaiting(): void {
    const arrived = waiting;
    waiting = [];
    for (const entry of arrived) if (entry.epoch !== epoch || entry.seq > last) accept(entry);
    if (overflowed) {
      overflowed = false;
      resync();
    }
  }

  function pass(entry: Entry): void {
    last = entry.seq;
    if (watchers > 0) keep(entry);
    deliver(entry);
    for (const look of arrivals) look();
  }

  function keep(entry: Entry): void {
    passed.push(entry);
    if (passed.length <= MAX_PASSED) return;
    passed = passed.slice(MAX_PASSED / 2);
    passedFrom = passed[0]?.seq ?? 0;
  }

  function reached(wanted: string | undefined, seq: number): boolean {
    return epoch === undefined || (wanted === epoch && last >= seq);
  }

  function resync(): void {
    if (epoch === undefined || closed) return;
    repairing ??= repair().finally(() => {
      repairing = undefined;
      acceptWaiting();
    });
  }

  async function repair(): Promise<void> {
    for (;;) {
      const answer = await logs.read(room, { after: last, limit: REPAIR_PAGE, maxBytes: MAX_PAGE_BYTES });
      if (closed) return;
      if (!answer.ok) {
        log.warn({ tag: room.tag, code: answer.error.code }, 'a room cannot be compared with its log yet');
        await pause(answer.error.retryAfterMs ?? REPAIR_RETRY_MS);
        if (closed) return;
        continue;
      }
      const page = answer.value;
      const moved = page.epoch === epoch || moveTo(page);
      past = page.links;
      if (!moved) continue;
      for (const entry of page.entries) {
        if (entry.seq <= last) continue;
        if (entry.seq > last + 1) {
          onGap({ epoch: page.epoch, from: last + 1, to: entry.seq - 1, reason: 'trimmed' });
        } else {
          counters.holesRepaired += 1;
        }
        pass(entry);
      }
      if (page.more) continue;
      // A log that expired as a whole still knows its top.
      if (page.top > last && page.entries.length === 0) {
        onGap({ epoch: page.epoch, from: last + 1, to: page.top, reason: 'trimmed' });
        last = page.top;
      }
      return;
    }
  }

  /** Goes on under the page's epoch. False: members saw entries the store has lost, so read again from the cut. */
  function moveTo(page: LogPage): boolean {
    const kept = sharedWith(page);
    epoch = page.epoch;
    if (kept >= last) return true;
    const from = Math.min(kept, page.top) + 1;
    if (last >= from) onGap({ epoch: page.epoch, from, to: last, reason: 'epoch' });
    last = from - 1;
    return false;
  }

  /**
   * Up to where this feed's past and the store's are the same: at the newest epoch both know. A store that was
   * restored from before this feed's epoch began knows only older ones.
   */
  function sharedWith(page: LogPage): number {
    const own = [...past, { epoch, upTo: last }];
    for (const mine of own.reverse()) {
      const theirs = page.links.find((link) => link.epoch === mine.epoch);
      if (theirs) return Math.min(mine.upTo, theirs.upTo);
    }
    return 0;
  }

  async function repaired(): Promise<boolean> {
    const deadline = AbortSignal.timeout(MEET_TIMEOUT_MS);
    const late = new Promise<void>((resolve) => {
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    while (repairing && !deadline.aborted) await Promise.race([repairing, late]);
    return repairing === undefined;
  }

  async function meet<T>(page: LogPage, admit: (since: readonly Entry[]) => T): Promise<Meeting<T>> {
    if (epoch === undefined) {
      epoch = page.epoch;
      last = page.top;
      past = page.links;
      acceptWaiting();
    } else if (page.epoch !== epoch || page.top > last) {
      resync();
    }
    if (repairing && !(await repaired())) return { met: false, why: 'behind' };
    if (page.epoch !== epoch || page.top > last || page.top + 1 < passedFrom)
      return { met: false, why: 'stale' };
    return { met: true, value: admit(passed.filter((entry) => entry.seq > page.top)) };
  }

  return {
    accept,
    meet,
    resync,
    reached,
    arrival: (wanted, seq) =>
      reached(wanted, seq)
        ? Promise.resolve()
        : new Promise((resolve) => {
            const limit = setTimeout(arrive, ARRIVAL_MS);
            function arrive(): void {
              clearTimeout(limit);
              arrivals.delete(look);
              resolve();
            }
            function look(): void {
              if (reached(wanted, seq)) arrive();
            }
            arrivals.add(look);
          }),
    watch() {
      watchers += 1;
      return () => {
        watchers -= 1;
        if (watchers > 0) return;
        passed = [];
        passedFrom = 0;
      };
    },
    close() {
      closed = true;
      waiting = [];
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

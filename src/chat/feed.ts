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

/** What all feeds of a worker share. */
export interface FeedDeps {
  readonly logs: RoomLogs;
  readonly deliver: (room: Room, entry: Entry) => void;
  /** Entries that cannot be had any more. */
  readonly onGap: (room: Room, gap: Gap) => void;
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
  /** Compares with the log: something may have been missed. Settles once that was read, however often it had to be tried. */
  resync(): Promise<void>;
  /** Answers once that position has passed, or after a second: the log is then being asked. */
  arrival(epoch: string, seq: number): Promise<void>;
  /** Whether everything up to this position has passed. */
  reached(epoch: string | undefined, seq: number): boolean;
  close(): void;
}

export function createFeed(room: Room, deps: FeedDeps): Feed {
  return new RoomFeed(room, deps);
}

/** Kept until nothing is missing: what waits while the log is read. */
class Repair {
  reading: Promise<void> | undefined = undefined;
  waiting: Entry[] = [];
  overflowed = false;
  /** Entries for which the log was asked already: asking again would not end. */
  readonly asked = new WeakSet<Entry>();
}

/** Kept while pages are read: what passes meanwhile. */
class Passage {
  watchers = 0;
  passed: Entry[] = [];
  /** What passed before this number is not kept any more. */
  passedFrom = 0;
}

const NO_LINKS: readonly EpochLink[] = [];

/** There is one for every connected user: an idle one has no closures, lists or promises. */
class RoomFeed implements Feed {
  private readonly room: Room;
  private readonly deps: FeedDeps;
  private epoch: string | undefined = undefined;
  private last = 0;
  /** The epochs before this one, as the store told. */
  private past = NO_LINKS;
  private closed = false;
  private missing: Repair | undefined = undefined;
  private passage: Passage | undefined = undefined;
  private arrivals: Set<() => void> | undefined = undefined;

  constructor(room: Room, deps: FeedDeps) {
    this.room = room;
    this.deps = deps;
  }

  accept(entry: Entry): void {
    const { missing } = this;
    const { epoch, last } = this;
    if (epoch === undefined || missing?.reading) {
      this.wait(entry);
    } else if (entry.epoch === epoch && entry.seq === last + 1) {
      this.pass(entry);
    } else if (entry.epoch === epoch && entry.seq <= last) {
      this.deps.counters.repeatsDropped += 1;
    } else if (!missing?.asked.has(entry)) {
      this.missing = missing ?? new Repair();
      this.missing.asked.add(entry);
      this.missing.waiting.push(entry);
      void this.resync();
    }
  }

  private wait(entry: Entry): void {
    this.missing ??= new Repair();
    const { waiting } = this.missing;
    if (waiting.length < MAX_WAITING) waiting.push(entry);
    else this.missing.overflowed = true;
  }

  private acceptWaiting(): void {
    const { missing } = this;
    if (!missing) return;
    const arrived = missing.waiting;
    missing.waiting = [];
    for (const entry of arrived) if (entry.epoch !== this.epoch || entry.seq > this.last) this.accept(entry);
    if (missing.overflowed) {
      missing.overflowed = false;
      void this.resync();
    }
    if (!missing.reading) this.missing = undefined;
  }

  private pass(entry: Entry): void {
    this.last = entry.seq;
    if (this.passage) keep(this.passage, entry);
    this.deps.deliver(this.room, entry);
    if (this.arrivals) for (const look of this.arrivals) look();
  }

  reached(wanted: string | undefined, seq: number): boolean {
    return this.epoch === undefined || (wanted === this.epoch && this.last >= seq);
  }

  async resync(): Promise<void> {
    if (this.epoch === undefined || this.closed) return;
    this.missing ??= new Repair();
    const { missing } = this;
    missing.reading ??= this.repair().finally(() => {
      missing.reading = undefined;
      this.acceptWaiting();
    });
    return missing.reading;
  }

  private async repair(): Promise<void> {
    const { room } = this;
    const { logs, onGap, counters, log } = this.deps;
    for (;;) {
      const answer = await logs.read(room, {
        after: this.last,
        limit: REPAIR_PAGE,
        maxBytes: MAX_PAGE_BYTES,
      });
      if (this.closed) return;
      if (!answer.ok) {
        log.warn({ tag: room.tag, code: answer.error.code }, 'a room cannot be compared with its log yet');
        await pause(answer.error.retryAfterMs ?? REPAIR_RETRY_MS);
        if (this.closed) return;
        continue;
      }
      const page = answer.value;
      // The first entry of an inbox is read and not taken from the bus: only the log says which epoch began.
      const began = this.epoch === NO_EPOCH;
      const moved = page.epoch === this.epoch || this.moveTo(page);
      this.past = linksOf(page);
      if (!moved) continue;
      for (const entry of page.entries) {
        const { last } = this;
        if (entry.seq <= last) continue;
        if (entry.seq > last + 1) {
          onGap(room, { epoch: page.epoch, from: last + 1, to: entry.seq - 1, reason: 'trimmed' });
        } else if (!began) {
          counters.holesRepaired += 1;
        }
        this.pass(entry);
      }
      if (page.more) continue;
      // A log that expired as a whole still knows its top.
      if (page.top > this.last && page.entries.length === 0) {
        onGap(room, { epoch: page.epoch, from: this.last + 1, to: page.top, reason: 'trimmed' });
        this.last = page.top;
      }
      return;
    }
  }

  /** Goes on under the page's epoch. False: members saw entries the store has lost, so read again from the cut. */
  private moveTo(page: LogPage): boolean {
    const kept = this.sharedWith(page);
    const { last } = this;
    this.epoch = page.epoch;
    if (kept >= last) return true;
    const from = Math.min(kept, page.top) + 1;
    if (last >= from) this.deps.onGap(this.room, { epoch: page.epoch, from, to: last, reason: 'epoch' });
    this.last = from - 1;
    return false;
  }

  /**
   * Up to where this feed's past and the store's are the same: at the newest epoch both know. A store that was
   * restored from before this feed's epoch began knows only older ones.
   */
  private sharedWith(page: LogPage): number {
    const own = [...this.past, { epoch: this.epoch, upTo: this.last }];
    for (const mine of own.reverse()) {
      const theirs = page.links.find((link) => link.epoch === mine.epoch);
      if (theirs) return Math.min(mine.upTo, theirs.upTo);
    }
    return 0;
  }

  private async repaired(): Promise<boolean> {
    const deadline = AbortSignal.timeout(MEET_TIMEOUT_MS);
    const late = new Promise<void>((resolve) => {
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    while (this.missing?.reading && !deadline.aborted) await Promise.race([this.missing.reading, late]);
    return this.missing?.reading === undefined;
  }

  async meet<T>(page: LogPage, admit: (since: readonly Entry[]) => T): Promise<Meeting<T>> {
    if (this.epoch === undefined) {
      // One text for the inboxes of all who never got anything.
      this.epoch = page.epoch === NO_EPOCH ? NO_EPOCH : page.epoch;
      this.last = page.top;
      this.past = linksOf(page);
      this.acceptWaiting();
    } else if (page.epoch !== this.epoch || page.top > this.last) {
      void this.resync();
    }
    if (this.missing?.reading && !(await this.repaired())) return { met: false, why: 'behind' };
    const { passed = [], passedFrom = 0 } = this.passage ?? {};
    if (page.epoch !== this.epoch || page.top > this.last || page.top + 1 < passedFrom)
      return { met: false, why: 'stale' };
    return { met: true, value: admit(passed.filter((entry) => entry.seq > page.top)) };
  }

  watch(): () => void {
    this.passage ??= new Passage();
    this.passage.watchers += 1;
    return () => {
      if (!this.passage) return;
      this.passage.watchers -= 1;
      if (this.passage.watchers === 0) this.passage = undefined;
    };
  }

  arrival(wanted: string, seq: number): Promise<void> {
    if (this.reached(wanted, seq)) return Promise.resolve();
    this.arrivals ??= new Set();
    const { arrivals } = this;
    return new Promise((resolve) => {
      const arrive = () => {
        clearTimeout(limit);
        arrivals.delete(look);
        if (arrivals.size === 0 && this.arrivals === arrivals) this.arrivals = undefined;
        resolve();
      };
      const look = () => {
        if (this.reached(wanted, seq)) arrive();
      };
      const limit = setTimeout(arrive, ARRIVAL_MS);
      arrivals.add(look);
    });
  }

  close(): void {
    this.closed = true;
    if (this.missing) this.missing.waiting = [];
  }
}

function keep(passage: Passage, entry: Entry): void {
  passage.passed.push(entry);
  if (passage.passed.length <= MAX_PASSED) return;
  passage.passed = passage.passed.slice(MAX_PASSED / 2);
  passage.passedFrom = passage.passed[0]?.seq ?? 0;
}

function linksOf({ links }: LogPage): readonly EpochLink[] {
  return links.length === 0 ? NO_LINKS : links;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

import type { Logger } from 'pino';
import { MAX_PAGE_BYTES } from '../protocol/limits.ts';
import type { RoomGap } from '../protocol/rooms.ts';
import { LiveBuffer } from './live-buffer.ts';
import {
  type Entry,
  type LogPage,
  NO_EPOCH,
  type Position,
  type PreviousEpoch,
  type RoomLogs,
} from './log-store.ts';
import { shownEntry } from './reactions.ts';
import type { Room } from './room.ts';

/*
 * One room on one worker: delivers entries in the log's order, each exactly once.
 *
 *   opening ──attach(page)──► live ──hole, other epoch, resync──► repairing ──log read──► live
 *
 * While opening or repairing it queues what arrives; while live it delivers the expected entry at once.
 */

/** Entries queued while the log is read. Further ones are dropped: the repair reads them from the log. */
const MAX_QUEUED = 1_000;
const REPAIR_PAGE = 200;
const REPAIR_RETRY_MS = 250;
const DELIVERY_TIMEOUT_MS = 1_000;
/** The longest a join waits for a log that cannot be read. */
const ATTACH_TIMEOUT_MS = 2_000;

export type Gap = Omit<RoomGap, 'roomid'>;

/** The dependencies that all feeds of a worker share. */
export interface FeedDeps {
  readonly logs: RoomLogs;
  readonly deliver: (room: Room, entry: Entry) => void;
  /** Called for entries that the log has lost. */
  readonly onGap: (room: Room, gap: Gap) => void;
  readonly counters: FeedCounters;
  readonly log: Logger;
}

/** Summed over all feeds of a worker. */
export interface FeedCounters {
  duplicatesDropped: number;
  messagesRecovered: number;
}

export type AttachResult<T> =
  | { readonly attached: true; readonly value: T }
  | { readonly attached: false; readonly why: 'stale' | 'behind' };

export interface Feed {
  accept(entry: Entry): void;
  /**
   * Brings the feed to the page's top or above, in the page's epoch, and calls `admit` in the same turn with the entries
   * delivered since the page was read, so that no other entry of the room is delivered in between. `stale`: the page is of an older epoch,
   * read a new one. `behind`: the log could not be read in time.
   *
   * The caller MUST call `buffer` before it reads the page.
   */
  attach<T>(page: LogPage, admit: (since: readonly Entry[]) => T): Promise<AttachResult<T>>;
  /** Buffers the delivered entries for `attach` until the returned function is called. */
  buffer(): () => void;
  /**
   * Reads what may have been missed from the log. Resolves once that succeeded, however many attempts it takes. An opening
   * feed does so in its first `attach`, before that admits anybody, and the promise resolves at once.
   */
  resync(): Promise<void>;
  /** The same, if entries may be lost until now: a reading that is under way does not count, and another one follows it. */
  resyncFromNow(): Promise<void>;
  /** Resolves once that position is delivered, or after a second; the log is read then. */
  whenDelivered(epoch: string, seq: number): Promise<void>;
  /** Returns whether everything up to this position is delivered. */
  hasReached(epoch: string | undefined, seq: number): boolean;
  /** Returns whether it is opening or reads the log now. */
  isReading(): boolean;
  /** The position up to which it has delivered; undefined before the first `attach`. */
  position(): FeedPosition | undefined;
  close(): void;
}

/** The position of a feed, with the epochs before this one, oldest first. */
export interface FeedPosition extends Position {
  readonly previousEpochs: readonly PreviousEpoch[];
  /** The newest gaps, oldest first. */
  readonly gaps: readonly PastGap[];
}

/**
 * Entries for which members got `room:gap`, as the log numbered them then. `trimmed`: the feed has never delivered them.
 * `epoch`: it has, and the store lost them afterwards.
 */
export interface PastGap extends Gap {
  readonly previousEpochs: readonly PreviousEpoch[];
}

export function createFeed(room: Room, deps: FeedDeps): Feed {
  return new RoomFeed(room, deps);
}

/** The state of a repair: exists until nothing is missing. */
class Repair {
  reading: Promise<void> | undefined = undefined;
  queued: Entry[] = [];
  /** Entries may be missing that are neither delivered nor queued, and that the reading under way may not find. */
  incomplete = false;
  /** Entries for which the log was asked already: asking again would not end. */
  readonly asked = new WeakSet<Entry>();
}

const NO_EPOCHS: readonly PreviousEpoch[] = [];
const NO_GAPS: readonly PastGap[] = [];
const MAX_GAPS_KEPT = 8;

/**
 * The feed of one room. Every connected user has one for the inbox, so an idle feed holds no closures, lists or
 * promises.
 */
class RoomFeed implements Feed {
  private readonly room: Room;
  private readonly deps: FeedDeps;
  private epoch: string | undefined = undefined;
  private last = 0;
  /** The epochs before this one, as the newest page lists them. */
  private previousEpochs = NO_EPOCHS;
  private gaps = NO_GAPS;
  private closed = false;
  private repair: Repair | undefined = undefined;
  private liveBuffer: LiveBuffer | undefined = undefined;
  private waiters: Set<() => void> | undefined = undefined;

  constructor(room: Room, deps: FeedDeps) {
    this.room = room;
    this.deps = deps;
  }

  accept(entry: Entry): void {
    const { repair } = this;
    const { epoch, last } = this;
    if (epoch === undefined || repair?.reading) {
      this.queue(entry);
    } else if (entry.epoch === epoch && entry.seq === last + 1) {
      this.deliver(entry);
    } else if (entry.epoch === epoch && entry.seq <= last) {
      this.deps.counters.duplicatesDropped += 1;
    } else if (!repair?.asked.has(entry)) {
      this.repair = repair ?? new Repair();
      this.repair.asked.add(entry);
      this.repair.queued.push(entry);
      void this.resync();
    }
  }

  private queue(entry: Entry): void {
    this.repair ??= new Repair();
    const { queued } = this.repair;
    if (queued.length < MAX_QUEUED) queued.push(entry);
    else this.repair.incomplete = true;
  }

  private acceptQueued(): void {
    const { repair } = this;
    if (!repair) return;
    const arrived = repair.queued;
    repair.queued = [];
    for (const entry of arrived) if (entry.epoch !== this.epoch || entry.seq > this.last) this.accept(entry);
    if (repair.incomplete) {
      repair.incomplete = false;
      void this.resync();
    }
    if (!repair.reading) this.repair = undefined;
  }

  private deliver(entry: Entry): void {
    this.last = entry.seq;
    this.liveBuffer?.append(entry);
    this.deps.deliver(this.room, entry);
    if (this.waiters) for (const check of this.waiters) check();
  }

  isReading(): boolean {
    return this.epoch === undefined || this.repair?.reading !== undefined;
  }

  hasReached(wanted: string | undefined, seq: number): boolean {
    return this.epoch !== undefined && wanted === this.epoch && this.last >= seq;
  }

  async resync(): Promise<void> {
    if (this.closed) return;
    this.repair ??= new Repair();
    const { repair } = this;
    if (this.epoch === undefined) {
      // The page that opens the feed may have been read already.
      repair.incomplete = true;
      return;
    }
    repair.reading ??= this.readMissing().finally(() => {
      repair.reading = undefined;
      this.acceptQueued();
    });
    return repair.reading;
  }

  async resyncFromNow(): Promise<void> {
    const { repair } = this;
    if (repair?.reading) {
      repair.incomplete = true;
      await repair.reading;
      return this.repair?.reading;
    }
    return this.resync();
  }

  private async readMissing(): Promise<void> {
    const { room } = this;
    const { logs, counters, log } = this.deps;
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
      this.previousEpochs = previousEpochsOf(page);
      if (!moved) continue;
      for (const entry of page.entries) {
        const { last } = this;
        if (entry.seq <= last) continue;
        if (entry.seq > last + 1) {
          this.skip(page.epoch, entry.seq - 1);
        } else if (!began) {
          counters.messagesRecovered += 1;
        }
        this.deliver(room.kind === 'room' ? shownEntry(entry) : entry);
      }
      if (page.more) continue;
      // A log that expired as a whole still knows its top.
      if (page.top > this.last && page.entries.length === 0) {
        this.skip(page.epoch, page.top);
        this.last = page.top;
      }
      return;
    }
  }

  /** The log has nothing from the next number to this one. */
  private skip(epoch: string, to: number): void {
    const gap: Gap = { epoch, from: this.last + 1, to, reason: 'trimmed' };
    this.keepGap(gap);
    this.liveBuffer?.skipTo(to + 1);
    this.deps.onGap(this.room, gap);
  }

  private keepGap(gap: Gap): void {
    const { previousEpochs } = this;
    this.gaps = [...this.gaps.slice(1 - MAX_GAPS_KEPT), { ...gap, previousEpochs }];
  }

  /** Continues in the page's epoch. False: members saw entries that the store has lost, so read again from the cut. */
  private moveTo(page: LogPage): boolean {
    const sharedUpTo = this.sharedWith(page);
    const { last, epoch = NO_EPOCH } = this;
    this.epoch = page.epoch;
    if (sharedUpTo >= last) return true;
    const from = Math.min(sharedUpTo, page.top) + 1;
    if (last >= from) {
      this.keepGap({ epoch, from, to: last, reason: 'epoch' });
      this.deps.onGap(this.room, { epoch: page.epoch, from, to: last, reason: 'epoch' });
    }
    this.last = from - 1;
    this.liveBuffer?.skipTo(from);
    return false;
  }

  /**
   * Returns the position up to which this feed and the store agree, in the newest epoch that both know. A store restored
   * from a backup older than this feed's epoch knows only older epochs.
   */
  private sharedWith(page: LogPage): number {
    const own = [...this.previousEpochs, { epoch: this.epoch, upTo: this.last }];
    for (const mine of own.reverse()) {
      const theirs = page.previousEpochs.find(({ epoch }) => epoch === mine.epoch);
      if (theirs) return Math.min(mine.upTo, theirs.upTo);
    }
    return 0;
  }

  private async repaired(): Promise<boolean> {
    const deadline = AbortSignal.timeout(ATTACH_TIMEOUT_MS);
    const late = new Promise<void>((resolve) => {
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    while (this.repair?.reading && !deadline.aborted) await Promise.race([this.repair.reading, late]);
    return this.repair?.reading === undefined;
  }

  async attach<T>(page: LogPage, admit: (since: readonly Entry[]) => T): Promise<AttachResult<T>> {
    if (this.epoch === undefined) {
      // All empty inboxes share one string.
      this.epoch = page.epoch === NO_EPOCH ? NO_EPOCH : page.epoch;
      this.last = page.top;
      this.previousEpochs = previousEpochsOf(page);
      this.liveBuffer?.skipTo(page.top + 1);
      this.acceptQueued();
    } else if (page.epoch !== this.epoch || page.top > this.last) {
      void this.resync();
    }
    if (this.repair?.reading && !(await this.repaired())) return { attached: false, why: 'behind' };
    const { entries = [], completeFrom = 0 } = this.liveBuffer ?? {};
    if (page.epoch !== this.epoch || page.top > this.last || page.top + 1 < completeFrom)
      return { attached: false, why: 'stale' };
    return { attached: true, value: admit(entries.filter((entry) => entry.seq > page.top)) };
  }

  buffer(): () => void {
    this.liveBuffer ??= new LiveBuffer();
    this.liveBuffer.readers += 1;
    return () => {
      if (!this.liveBuffer) return;
      this.liveBuffer.readers -= 1;
      if (this.liveBuffer.readers === 0) this.liveBuffer = undefined;
    };
  }

  whenDelivered(wanted: string, seq: number): Promise<void> {
    if (this.epoch === undefined || this.hasReached(wanted, seq)) return Promise.resolve();
    this.waiters ??= new Set();
    const { waiters } = this;
    return new Promise((resolve) => {
      const arrive = () => {
        clearTimeout(limit);
        waiters.delete(check);
        if (waiters.size === 0 && this.waiters === waiters) this.waiters = undefined;
        resolve();
      };
      const check = () => {
        if (this.hasReached(wanted, seq)) arrive();
      };
      const limit = setTimeout(arrive, DELIVERY_TIMEOUT_MS);
      waiters.add(check);
    });
  }

  position(): FeedPosition | undefined {
    const { epoch, last, previousEpochs, gaps } = this;
    return epoch === undefined ? undefined : { epoch, seq: last, previousEpochs, gaps };
  }

  close(): void {
    this.closed = true;
    if (this.repair) this.repair.queued = [];
  }
}

function previousEpochsOf({ previousEpochs }: LogPage): readonly PreviousEpoch[] {
  return previousEpochs.length === 0 ? NO_EPOCHS : previousEpochs;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

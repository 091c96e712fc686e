import type { Entry, LogPage, LogQuery, PreviousEpoch, RoomBus, RoomLogs } from '../../src/chat/log-store.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';

/**
 * One room's log and bus in memory, whose bus loses, repeats and delays what the test says: the log is the
 * truth, the bus is the fault.
 */
export interface MemoryRoom {
  readonly logs: RoomLogs;
  readonly bus: RoomBus;
  /** Stores an entry and answers it; it is not published. */
  store(): Entry;
  publish(entry: Entry): void;
  /** Drops everything up to `seq`. */
  trim(seq: number): void;
  /** The store came back knowing entries up to `upTo` only (none: it is empty), under another epoch. */
  restart(epoch: string, upTo?: number): void;
  /** The store is a copy from the time of the epoch `from`, which had reached `upTo`. */
  restore(epoch: string, from: string, upTo: number): void;
  /** Reads answer only after this. */
  holdReads(until: Promise<void> | undefined): void;
  failReads(fail: boolean): void;
  resync(): void;
  readonly reads: () => number;
}

export function createMemoryRoom(): MemoryRoom {
  let epoch = 'e1';
  let top = 0;
  let links: PreviousEpoch[] = [];
  let entries: Entry[] = [];
  let until: Promise<void> | undefined;
  let failing = false;
  let reads = 0;
  const listeners = new Set<(entry: Entry) => void>();
  const resyncs: (() => void)[] = [];

  function page({ before, after, limit }: LogQuery): LogPage {
    const range = entries.filter((entry) => entry.seq > (after ?? 0) && entry.seq < (before ?? Infinity));
    const chosen =
      after === undefined ? range.slice(Math.max(0, range.length - limit)) : range.slice(0, limit);
    const first = entries[0]?.seq ?? top + 1;
    return { epoch, top, previousEpochs: links, entries: chosen, more: chosen.length < range.length, first };
  }

  return {
    logs: {
      replace: async () => refuse('unavailable', 'not used here'),
      unread: async () => refuse('unavailable', 'not used here'),
      append: async () => refuse('internal', 'not used'),
      async read(_room, query) {
        reads += 1;
        if (failing) return refuse('unavailable', 'away', 1);
        const answer = page(query);
        await until;
        return succeed(answer);
      },
      tops: async (rooms) =>
        failing ? refuse('unavailable', 'away', 1) : succeed(rooms.map(() => ({ epoch, top }))),
    },
    bus: {
      notify: async () => succeed(undefined),
      probe: async () => succeed(undefined),
      reconnect: () => undefined,
      async subscribe(_room, onEntry) {
        listeners.add(onEntry);
        return succeed({ close: () => void listeners.delete(onEntry) });
      },
      onResync: (listener) => void resyncs.push(listener),
    },
    store() {
      top += 1;
      const entry = { epoch, seq: top, json: JSON.stringify({ seq: top, epoch }) };
      entries.push(entry);
      return entry;
    },
    publish(entry) {
      for (const listener of listeners) listener(entry);
    },
    trim(seq) {
      entries = entries.filter((entry) => entry.seq > seq);
    },
    restart(next, upTo) {
      links = upTo === undefined ? [] : [...links, { epoch, upTo }];
      top = upTo ?? 0;
      entries = entries.filter((entry) => entry.seq <= top);
      epoch = next;
    },
    restore(next, from, upTo) {
      links = [...links.filter((link) => link.epoch !== from && link.upTo < upTo), { epoch: from, upTo }];
      top = upTo;
      entries = entries.filter((entry) => entry.seq <= top);
      epoch = next;
    },
    holdReads(promise) {
      until = promise;
    },
    failReads(fail) {
      failing = fail;
    },
    resync() {
      for (const listener of resyncs) listener();
    },
    reads: () => reads,
  };
}

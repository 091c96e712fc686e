import type { Entry, RoomBus, RoomLogs } from '../../src/chat/log-store.ts';
import { roomOf } from '../../src/chat/room.ts';
import { createMemoryStore } from './memory-store.ts';

/**
 * One room of the store in memory, whatever room is asked for, with a bus that loses, repeats and delays what the
 * test says: the log is the truth, the bus is the fault.
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
  const room = roomOf('/', 'lobby');
  const store = createMemoryStore({ historySize: Number.POSITIVE_INFINITY });
  let epoch = 'e1';
  let previousEpochs: { readonly epoch: string; readonly upTo: number }[] = [];
  let until: Promise<void> | undefined;
  let reads = 0;

  function begin(next: string, top: number): void {
    epoch = next;
    store.begin(room, epoch, top, previousEpochs);
  }
  begin(epoch, 0);

  return {
    logs: {
      ...store.logs,
      async read(_room, query) {
        reads += 1;
        const answer = await store.logs.read(room, query);
        await until;
        return answer;
      },
      tops: (rooms) => store.logs.tops(rooms.map(() => room)),
    },
    bus: { ...store.bus, subscribe: (_room, onEntry) => store.bus.subscribe(room, onEntry) },
    store() {
      const written = store.write(room, { id: `id-${store.now()}`, members: '"event":"broadcast_say"' });
      if (!written.ok || !written.value.entry) throw new Error('not stored');
      return written.value.entry;
    },
    publish: (entry) => store.publish(room, entry),
    trim: (seq) => store.trim(room, seq),
    restart(next, upTo) {
      previousEpochs = upTo === undefined ? [] : [...previousEpochs, { epoch, upTo }];
      begin(next, upTo ?? 0);
    },
    restore(next, from, upTo) {
      const older = previousEpochs.filter((previous) => previous.epoch !== from && previous.upTo < upTo);
      previousEpochs = [...older, { epoch: from, upTo }];
      begin(next, upTo);
    },
    holdReads(promise) {
      until = promise;
    },
    failReads: (fail) => store.fail((what) => fail && (what === 'read' || what === 'tops')),
    resync: store.resync,
    reads: () => reads,
  };
}

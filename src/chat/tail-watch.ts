import { batchesOf } from './batches.ts';
import type { Feed } from './feed.ts';
import { NO_EPOCH, type RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/*
 * A message lost at the end of a quiet room leaves no hole, because no later message shows it. So the watch compares the
 * ends of all leased rooms with their logs every few seconds, and expects this worker's own appends back within half a
 * second; after a second it reads the log.
 */

const COMPARE_MS = 3_000;
/** An entry that the log has and the bus has not brought yet is usually on its way: check again after this time. */
const IN_FLIGHT_MS = 500;
const ECHO_TIMEOUT_MS = 500;
/** One query for all of 10,000 leased inboxes would block the event loop. */
const BATCH = 500;

export interface WatchedRoom {
  readonly room: Room;
  readonly feed: Feed;
}

export interface TailWatchDeps {
  readonly logs: RoomLogs;
  readonly rooms: () => readonly WatchedRoom[];
  readonly timers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>;
}

export interface TailWatch {
  /** This worker appended `seq`: if the bus does not bring it back, the log is read. */
  expectEcho(feed: Feed, epoch: string, seq: number): void;
  close(): void;
}

export function createTailWatch({ logs, rooms: leasedRooms, timers }: TailWatchDeps): TailWatch {
  let comparing: NodeJS.Timeout | undefined;
  let closed = false;
  let expected = new Map<Feed, { epoch: string; seq: number }>();
  /** Expected since before the last check. A single set would never become overdue in a busy room. */
  let overdue: typeof expected = new Map();
  let checking: NodeJS.Timeout | undefined;

  function scheduleCompare(): void {
    if (!closed) comparing = timers.setTimeout(() => void compare(), COMPARE_MS);
  }

  async function compare(): Promise<void> {
    const rooms = leasedRooms();
    const behind: { feed: Feed; epoch: string; top: number }[] = [];
    for (const batch of batchesOf(rooms, BATCH)) {
      const tops = await logs.tops(batch.map(({ room }) => room));
      if (closed) return;
      if (!tops.ok) break;
      for (const [index, { feed }] of batch.entries()) {
        const { epoch = NO_EPOCH, top } = tops.value[index] ?? { top: 0 };
        if (!feed.hasReached(epoch, top)) behind.push({ feed, epoch, top });
      }
    }
    comparing = timers.setTimeout(() => {
      for (const { feed, epoch, top } of behind) if (!feed.hasReached(epoch, top)) void feed.resync();
      scheduleCompare();
    }, IN_FLIGHT_MS);
  }

  function checkEchoes(): void {
    for (const [feed, { epoch, seq }] of overdue) if (!feed.hasReached(epoch, seq)) void feed.resync();
    overdue = expected;
    expected = new Map();
    checking = overdue.size > 0 ? timers.setTimeout(checkEchoes, ECHO_TIMEOUT_MS) : undefined;
  }

  scheduleCompare();
  return {
    expectEcho(feed, epoch, seq) {
      if (feed.hasReached(epoch, seq)) return;
      expected.set(feed, { epoch, seq });
      checking ??= timers.setTimeout(checkEchoes, ECHO_TIMEOUT_MS);
    },
    close() {
      closed = true;
      timers.clearTimeout(comparing);
      timers.clearTimeout(checking);
    },
  };
}

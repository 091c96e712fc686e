import type { Outcome } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import { batchesOf } from './batches.ts';
import type { Feed } from './feed.ts';
import { NO_EPOCH, type RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/*
 * A message lost at the end of a quiet room leaves no hole, because no later message shows it. The watch compares the ends of
 * rooms with their logs whenever something may have been lost:
 *
 * - `expectEcho`: this worker appended a message. If the bus does not bring it back within half a second, or a second at
 *   most, the log is read.
 * - `compareAll`: a probe did not come back over the bus.
 * - Otherwise each room is compared once in five minutes, a small part of the rooms every ten seconds. That finds something
 *   only if a subscription is dead and nothing else shows it, and calls `onLoss`. An entry that the log has and the feed has
 *   not may still be on its way: the watch publishes a probe after it read the logs, and once the probe is back, everything
 *   that was published before it has arrived too.
 */

const ECHO_TIMEOUT_MS = 500;
const STEP_MS = 10_000;
const STEPS_PER_ROUND = 30;
/** A round over more rooms than 30 steps take lasts longer than five minutes, so the load of a worker has a bound. */
const MOST_PER_STEP = 400;
/** One query for all of 10,000 leased inboxes would block the event loop. */
const BATCH = 500;

export interface WatchedRoom {
  readonly room: Room;
  readonly feed: Feed;
}

export interface TailWatchDeps {
  readonly logs: Pick<RoomLogs, 'tops'>;
  readonly rooms: ReadonlyMap<unknown, WatchedRoom>;
  /** Sends this worker a message over the bus and answers once it is back. */
  readonly probe: () => Promise<Outcome<void>>;
  /** The bus lost entries although it brings probes back. */
  readonly onLoss: (rooms: readonly Room[]) => void;
  readonly timers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>;
}

export interface TailWatch {
  /** This worker appended `seq`: if the bus does not bring it back, the log is read. */
  expectEcho(feed: Feed, epoch: string, seq: number): void;
  /** The bus delivers nothing: reads from the logs what all rooms lack. A call while it is comparing makes it compare again. */
  compareAll(): Promise<void>;
  close(): void;
}

interface Behind extends WatchedRoom {
  readonly epoch: string;
  readonly top: number;
}

export function createTailWatch({ logs, rooms, probe, onLoss, timers }: TailWatchDeps): TailWatch & Sized {
  let stepping: NodeJS.Timeout | undefined;
  let closed = false;
  /**
   * The keys of the rooms that the round has not come to. They are listed when it begins, because an iterator of the Map also
   * reaches what is added meanwhile, so that a round over rooms that come and go would never end.
   */
  let round: { readonly keys: readonly unknown[]; next: number } | undefined;
  let stepsOfRound = STEPS_PER_ROUND;
  let comparingAll: Promise<void> | undefined;
  let compareAgain = false;
  let expected = new Map<Feed, { epoch: string; seq: number }>();
  /** Expected since before the last check. A single set would never become overdue in a busy room. */
  let overdue: typeof expected = new Map();
  let checking: NodeJS.Timeout | undefined;

  function scheduleStep(): void {
    if (!closed) stepping = timers.setTimeout(() => void compareNext(), STEP_MS);
  }

  async function compareNext(): Promise<void> {
    const behind = await findBehind(nextRooms());
    if (behind.length > 0) await recover(behind);
    scheduleStep();
  }

  async function recover(behind: readonly Behind[]): Promise<void> {
    const delivers = await probe();
    if (closed) return;
    const lost = behind.filter(isBehind);
    for (const { feed } of lost) void feed.resync();
    if (delivers.ok && lost.length > 0) onLoss(lost.map(({ room }) => room));
  }

  function nextRooms(): WatchedRoom[] {
    stepsOfRound += 1;
    if (!round && stepsOfRound < STEPS_PER_ROUND) return [];
    if (!round) stepsOfRound = 0;
    round ??= { keys: [...rooms.keys()], next: 0 };
    const { keys } = round;
    const share = Math.min(MOST_PER_STEP, Math.ceil(keys.length / STEPS_PER_ROUND));
    const next: WatchedRoom[] = [];
    while (next.length < share && round.next < keys.length) {
      const watched = rooms.get(keys[round.next]);
      round.next += 1;
      if (watched) next.push(watched);
    }
    if (round.next >= keys.length) round = undefined;
    return next;
  }

  async function findBehind(compared: readonly WatchedRoom[]): Promise<Behind[]> {
    const behind: Behind[] = [];
    for (const batch of batchesOf(compared, BATCH)) {
      const tops = await logs.tops(batch.map(({ room }) => room));
      if (closed || !tops.ok) break;
      for (const [index, { room, feed }] of batch.entries()) {
        const end = tops.value[index];
        if (!end) continue;
        const one = { room, feed, epoch: end.epoch ?? NO_EPOCH, top: end.top };
        if (isBehind(one)) behind.push(one);
      }
    }
    return behind;
  }

  async function compareEnds(): Promise<void> {
    try {
      do {
        compareAgain = false;
        for (const { feed } of await findBehind([...rooms.values()])) void feed.resync();
      } while (compareAgain && !closed);
    } finally {
      comparingAll = undefined;
    }
  }

  function checkEchoes(): void {
    for (const [feed, { epoch, seq }] of overdue) if (!feed.hasReached(epoch, seq)) void feed.resync();
    overdue = expected;
    expected = new Map();
    checking = overdue.size > 0 ? timers.setTimeout(checkEchoes, ECHO_TIMEOUT_MS) : undefined;
  }

  scheduleStep();
  return {
    sizes: () => ({ expected: expected.size, overdue: overdue.size }),
    expectEcho(feed, epoch, seq) {
      if (feed.hasReached(epoch, seq)) return;
      expected.set(feed, { epoch, seq });
      checking ??= timers.setTimeout(checkEchoes, ECHO_TIMEOUT_MS);
    },
    compareAll() {
      // An opening feed has no end yet: it compares what it has once it is open.
      for (const { feed } of rooms.values()) if (feed.isReading()) void feed.resyncFromNow();
      // The ends that are being read may be older than what is lost now.
      compareAgain = comparingAll !== undefined;
      comparingAll ??= compareEnds();
      return comparingAll;
    },
    close() {
      closed = true;
      timers.clearTimeout(stepping);
      timers.clearTimeout(checking);
    },
  };
}

/** A feed that is opening or reads its log already needs no second reading. */
function isBehind({ feed, epoch, top }: Behind): boolean {
  return !feed.isReading() && !feed.hasReached(epoch, top);
}

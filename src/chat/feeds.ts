import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import { batchesOf } from './batches.ts';
import {
  createFeed,
  type Feed,
  type FeedCounters,
  type FeedDeps,
  type FeedPosition,
  type Gap,
} from './feed.ts';
import type { Entry, LogPage, RoomBus, RoomLogs, Subscription } from './log-store.ts';
import type { Room } from './room.ts';
import type { PresenceChange, PresenceEvent } from './roster.ts';
import { createTailWatch } from './tail-watch.ts';

export interface FeedsDeps {
  readonly logs: RoomLogs;
  readonly bus: RoomBus;
  readonly deliver: (room: Room, entry: Entry) => void;
  readonly onGap: (room: Room, gap: Gap) => void;
  readonly onPresence: (room: Room, change: PresenceChange | PresenceEvent) => void;
  /** The last lease was released: nothing more is delivered of the room. */
  readonly onClosed?: (room: Room) => void;
  readonly log: Logger;
}

/** A share in a room's feed: the worker stays subscribed while a lease is held. Each MUST be released. */
export interface FeedLease {
  /** One object for all leases of a room; keep it instead of an equal one to save memory. */
  readonly room: Room;
  release(): void;
}

/** Reads the page that a client asked for. It is called again if the room's epoch changes meanwhile. */
export type ReadPage<P extends LogPage> = () => Promise<Outcome<P>>;

export interface Feeds {
  /** Subscribes to the room. An entry that is published after the answer is never missed. */
  lease(room: Room): Promise<Outcome<FeedLease>>;
  /**
   * Reads a page and calls `admit` with it and with the entries delivered since, in the one turn of the event loop in
   * which the page and the live feed join: a connection that becomes a member in `admit` gets the next entry next, with
   * none missing and none twice. The caller MUST hold a lease.
   */
  attach<P extends LogPage, T>(
    room: Room,
    read: ReadPage<P>,
    admit: (page: P, since: readonly Entry[]) => T,
  ): Promise<Outcome<T>>;
  /** This worker appended that entry: if the bus does not bring it back, the log is read. */
  expectEcho(room: Room, appended: { readonly epoch: string; readonly seq: number }): void;
  /** Resolves once that entry is delivered, or after a second. */
  whenDelivered(room: Room, position: { readonly epoch: string; readonly seq: number }): Promise<void>;
  /** The position up to which the room's feed has delivered; undefined if nobody has attached to it. */
  positionOf(room: Room): FeedPosition | undefined;
  /** Compares every leased room with its log. */
  resync(): void;
  /** Compares that room with its log if it is leased. Resolves once its log was read. */
  compare(room: Room): Promise<void>;
  /** Compares the ends of all leased rooms with their logs, at a fraction of the cost: the bus delivers nothing now. */
  compareTails(): void;
  readonly counters: Readonly<FeedCounters>;
  /** The rooms with a lease; inboxes and announcements are not rooms. */
  rooms(): readonly Room[];
  close(): void;
}

/** The feed that all leases of a room share. Every connected user's inbox has one, so it is kept small. */
class SharedFeed {
  readonly room: Room;
  readonly feed: Feed;
  private readonly onUnused: (shared: SharedFeed) => void;
  /** A promise until the bus has answered. */
  subscription: Promise<Outcome<Subscription>> | Subscription | undefined = undefined;
  leases = 0;

  constructor(room: Room, feed: Feed, onUnused: (shared: SharedFeed) => void) {
    this.room = room;
    this.feed = feed;
    this.onUnused = onUnused;
  }

  release(): void {
    this.leases -= 1;
    if (this.leases === 0) this.onUnused(this);
  }
}

class SharedFeedLease implements FeedLease {
  private readonly shared: SharedFeed;
  private released = false;

  constructor(shared: SharedFeed) {
    this.shared = shared;
  }

  get room(): Room {
    return this.shared.room;
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    this.shared.release();
  }
}

/** A page is read again if the epoch changed between page and feed, but only so often. */
const MAX_READS = 5;
const RESYNC_BATCH = 200;
/** The longest time that an unreadable log delays the others. */
const RESYNC_TIMEOUT_MS = 2_000;

export function createFeeds({
  logs,
  bus,
  deliver,
  onGap,
  onPresence,
  onClosed,
  log,
}: FeedsDeps): Feeds & Sized {
  const sharedFeeds = new Map<string, SharedFeed>();
  const counters: FeedCounters = { duplicatesDropped: 0, messagesRecovered: 0 };
  const tails = createTailWatch({
    logs,
    rooms: sharedFeeds,
    probe: bus.probe,
    onLoss(rooms) {
      log.warn({ tags: rooms.map(({ tag }) => tag) }, 'the bus lost messages: its connection is replaced');
      bus.reconnect();
    },
    timers: globalThis,
  });
  bus.onResync(resync);

  let resyncing = false;
  let resyncAgain = false;

  /** Rooms before inboxes, of which there is one for every connected user. */
  async function resyncAll(): Promise<void> {
    const all = [...sharedFeeds.values()];
    const rooms = all.filter(({ room }) => room.kind === 'room');
    const inOrder = [...rooms, ...all.filter(({ room }) => room.kind !== 'room')];
    for (const batch of batchesOf(inOrder, RESYNC_BATCH)) {
      if (resyncAgain) return;
      await settled(
        batch.map(({ feed }) => feed.resyncFromNow()),
        RESYNC_TIMEOUT_MS,
      );
    }
  }

  function resync(): void {
    resyncAgain = resyncing;
    if (resyncing) return;
    resyncing = true;
    void resyncAll().finally(() => {
      resyncing = false;
      if (resyncAgain) resync();
    });
  }

  const feedDeps: FeedDeps = { logs, counters, log, deliver, onGap };

  function open(room: Room): SharedFeed {
    const feed = createFeed(room, feedDeps);
    const entry = new SharedFeed(room, feed, closeUnused);
    // Bound, not a closure: half as large.
    const onEntry = feed.accept.bind(feed);
    // Inboxes and announcements have no presence.
    entry.subscription =
      room.kind === 'room'
        ? bus.subscribe(room, onEntry, presenceListener(entry))
        : bus.subscribe(room, onEntry);
    sharedFeeds.set(room.tag, entry);
    return entry;
  }

  function presenceListener(entry: SharedFeed): (change: PresenceChange | PresenceEvent) => void {
    const { room } = entry;
    return (change) => {
      // The bus may deliver until it has answered that the room is unsubscribed.
      if (sharedFeeds.get(room.tag) === entry) onPresence(room, change);
    };
  }

  function remove(entry: SharedFeed): void {
    if (sharedFeeds.get(entry.room.tag) === entry) sharedFeeds.delete(entry.room.tag);
  }

  function closeUnused(entry: SharedFeed): void {
    remove(entry);
    entry.feed.close();
    onClosed?.(entry.room);
    const { subscription } = entry;
    if (!(subscription instanceof Promise)) subscription?.close();
    else void subscription.then((answer) => answer.ok && answer.value.close());
  }

  async function lease(room: Room): Promise<Outcome<FeedLease>> {
    const entry = sharedFeeds.get(room.tag) ?? open(room);
    entry.leases += 1;
    if (entry.subscription instanceof Promise) {
      const answer = await entry.subscription;
      if (!answer.ok) {
        // The next caller must try again instead of sharing this failure.
        remove(entry);
        entry.release();
        return answer;
      }
      entry.subscription = answer.value;
    }
    return succeed(new SharedFeedLease(entry));
  }

  async function attach<P extends LogPage, T>(
    room: Room,
    read: ReadPage<P>,
    admit: (page: P, since: readonly Entry[]) => T,
  ): Promise<Outcome<T>> {
    const feed = sharedFeeds.get(room.tag)?.feed;
    if (!feed) throw new Error('attach needs a lease of the room');
    const stopBuffering = feed.buffer();
    try {
      for (let reads = 0; reads < MAX_READS; reads += 1) {
        const page = await read();
        if (!page.ok) return page;
        const result = await feed.attach(page.value, (since) => admit(page.value, since));
        if (result.attached) return succeed(result.value);
        if (result.why === 'behind') return refuse('unavailable', 'the store does not answer', 1_000);
      }
    } finally {
      stopBuffering();
    }
    return refuse('unavailable', 'the room is changing too fast, try again', 1_000);
  }

  return {
    sizes: () => ({ rooms: sharedFeeds.size, tails: tails.sizes() }),
    lease,
    attach,
    expectEcho(room, { epoch, seq }) {
      const feed = sharedFeeds.get(room.tag)?.feed;
      if (feed) tails.expectEcho(feed, epoch, seq);
    },
    async whenDelivered(room, { epoch, seq }) {
      await sharedFeeds.get(room.tag)?.feed.whenDelivered(epoch, seq);
    },
    positionOf: ({ tag }) => sharedFeeds.get(tag)?.feed.position(),
    resync,
    async compare({ tag }) {
      await sharedFeeds.get(tag)?.feed.resyncFromNow();
    },
    compareTails: () => void tails.compareAll(),
    counters,
    rooms() {
      const rooms = [];
      for (const { room } of sharedFeeds.values()) if (room.kind === 'room') rooms.push(room);
      return rooms;
    },
    close() {
      tails.close();
      for (const { feed } of sharedFeeds.values()) feed.close();
      sharedFeeds.clear();
    },
  };
}

/** Resolves when all have resolved, or after that time. */
async function settled(all: readonly Promise<void>[], withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs);
  });
  await Promise.race([Promise.all(all), limit]);
  clearTimeout(timer);
}

import type { Logger } from 'pino';
import type { WorkerBackend } from '../backend/backend.ts';
import { createFeeds, type Feeds } from '../chat/feeds.ts';
import { createPresence, type Presence } from '../chat/presence.ts';
import type { Room } from '../chat/room.ts';
import { createRoomFollowers, type RoomFollowers } from '../chat/room-followers.ts';
import type { PresenceEvent, RosterEntry } from '../chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../protocol/limits.ts';
import type { Sized } from '../sizes.ts';
import { type AnnouncementFeed, createAnnouncementFeed } from './delivery/announcement-feed.ts';
import { createCountResync } from './delivery/count-resync.ts';
import type { Delivery } from './delivery/delivery.ts';
import {
  createInboxDelivery,
  type InboxDelivery,
  type InboxDeliveryDeps,
} from './delivery/inbox-delivery.ts';
import type { ChatNamespace } from './socket-types.ts';

export interface LiveFeedsDeps {
  readonly backend: Pick<WorkerBackend, 'logs' | 'bus' | 'roster' | 'inboxes'>;
  readonly of: (nsp: string) => ChatNamespace;
  readonly namespaces: readonly string[];
  readonly delivery: Pick<Delivery, 'fanout' | 'deliverPresence' | 'deliverGap'>;
  /** Items of the inbox are lost to the feed: the log no longer has them. */
  readonly onInboxGap: (inbox: Room) => void;
  readonly sessionsOf: InboxDeliveryDeps['sessionsOf'];
  /** Nobody on this worker is in the room any more, or reads it. */
  readonly onRoomClosed: (room: Room) => void;
  readonly now: () => number;
  readonly log: Logger;
}

/** Connects the bus to this worker's connections: rooms, inboxes, announcements and presence. */
export interface LiveFeeds {
  readonly feeds: Feeds;
  readonly presence: Presence;
  /** Readers of rooms beside the members. */
  readonly followers: RoomFollowers;
  readonly inboxDelivery: InboxDelivery;
  readonly announcementFeed: AnnouncementFeed;
  /** Sends every room's counts to its members, who may have missed some. */
  resyncCounts(): Promise<void>;
  /** Catches up with everything that the bus or the store may have missed while one of them was away. */
  resync(): void;
  /** The bus delivers nothing: looks for messages that it should have delivered. */
  compareTails(): void;
  close(): void;
}

export function openLiveFeeds(deps: LiveFeedsDeps): LiveFeeds & Sized {
  const { backend, of, delivery, log } = deps;
  const { logs, bus, roster, inboxes } = backend;
  const { fanout, deliverPresence, deliverGap } = delivery;

  function notify(room: Room, notice: PresenceEvent, clients: number): void {
    // An audience has no presence events, although reaping an instance reports its users too. A large room gets counts only.
    if (room.kind !== 'room' || clients > LARGE_ROOM_CLIENTS) return;
    void bus.notify(room, notice).then((notified) => {
      // This worker's members get the event even if the bus is away.
      if (!notified.ok) deliverPresence(room, notice);
    });
  }

  const notifyJoin = (room: Room, user: RosterEntry, clients: number) =>
    notify(room, { event: 'join', user }, clients);

  const inboxDelivery = createInboxDelivery({ ...deps, inboxes });
  const announcementFeed = createAnnouncementFeed({
    feeds: () => feeds,
    logs,
    of,
    namespaces: deps.namespaces,
  });
  const followers = createRoomFollowers();
  const feeds = createFeeds({
    logs,
    bus,
    log,
    deliver(room, entry) {
      if (room.kind === 'inbox') inboxDelivery.deliver(room, entry);
      else if (room.kind === 'news') announcementFeed.deliver(room.nsp, entry);
      else {
        fanout.enqueue(room, entry);
        followers.deliver(room, entry);
      }
    },
    onGap(room, gap) {
      if (room.kind === 'inbox') deps.onInboxGap(room);
      if (room.kind === 'room') {
        deliverGap(room, gap);
        followers.deliverGap(room, gap);
      }
    },
    onPresence: deliverPresence,
    onClosed: deps.onRoomClosed,
  });
  const presence = createPresence({
    roster,
    log,
    onJoin: notifyJoin,
    onQuit: (room, user, clients) => notify(room, { event: 'broadcast_quit', user }, clients),
  });
  roster.onReturn(notifyJoin);
  announcementFeed.follow();
  const resyncCounts = createCountResync({ roster, rooms: feeds.rooms, deliver: deliverPresence });

  return {
    sizes: () => ({
      feeds: feeds.sizes(),
      presence: presence.sizes(),
      followers: followers.sizes(),
      inboxDelivery: inboxDelivery.sizes(),
    }),
    feeds,
    presence,
    followers,
    inboxDelivery,
    announcementFeed,
    resyncCounts,
    resync() {
      feeds.resync();
      void resyncCounts();
      presence.resync();
      announcementFeed.follow();
    },
    compareTails: feeds.compareTails,
    close() {
      presence.close();
      feeds.close();
    },
  };
}

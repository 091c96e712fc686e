import type { Logger } from 'pino';
import type { WorkerBackend } from '../backend/backend.ts';
import type { Announcements } from '../chat/inbox/announcements.ts';
import type { InboxView } from '../chat/inbox/inbox-view.ts';
import { createSharedBuckets, type Rate } from '../chat/rate-limit.ts';
import type { Sized } from '../sizes.ts';
import type { Fanout } from './delivery/fanout.ts';
import type { RoomReads } from './delivery/room-reads.ts';
import { createSignals, type Signals } from './delivery/signals.ts';
import { leaveRoom } from './events/leave.ts';
import type { LiveFeeds } from './live-feeds.ts';
import { type ConnectionBans, createConnectionBans } from './moderation/connection-bans.ts';
import { createConnectionMutes } from './moderation/connection-mutes.ts';
import { createEnforcement, type Enforcement, type EnforcementDeps } from './moderation/enforcement.ts';
import { createExclusions, type Exclusions, type ExclusionsDeps } from './moderation/exclusions.ts';
import { createModerator, type Moderator } from './moderation/moderator.ts';
import type { ChatNamespace } from './socket-types.ts';
import { createConnectionCounts } from './users/connection-counts.ts';
import { createLogins, type Logins } from './users/logins.ts';
import { createMembershipTransfer } from './users/membership-transfer.ts';
import { createReadMarkers, type ReadMarkers } from './users/read-markers.ts';
import { createTextmsgAudience, type TextmsgAudience } from './users/textmsg-audience.ts';

export interface PeopleDeps {
  readonly backend: Pick<
    WorkerBackend,
    'logs' | 'roomReaders' | 'roster' | 'roomSubscriptions' | 'moderation' | 'inboxes'
  >;
  readonly mode: 'open' | 'token';
  readonly namespaces: readonly ChatNamespace[];
  readonly live: LiveFeeds;
  readonly endStreams: EnforcementDeps['endStreams'];
  readonly endAllStreams: ExclusionsDeps['endStreams'];
  readonly fanout: Pick<Fanout, 'flush'>;
  readonly roomReads: Pick<RoomReads, 'raised'>;
  readonly announcements: Announcements;
  readonly inboxView: InboxView;
  /** RATE_SAY of one connection; a user gets twice as much on one worker. */
  readonly rateSay: Rate | undefined;
  /** The store is away. */
  readonly degraded: () => boolean;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/** The users of this worker's connections, and what they may do. */
export interface People {
  readonly logins: Logins;
  readonly textmsgAudience: TextmsgAudience;
  readonly readMarkers: ReadMarkers;
  readonly connectionBans: ConnectionBans;
  readonly enforcement: Enforcement;
  readonly moderator: Moderator;
  readonly signals: Signals;
  readonly exclusions: Exclusions;
  /** Checks what this worker may have missed: the store's bans and mutes. */
  review(): void;
  /** Brings the store up to date with this worker, and this worker with the store's bans and mutes. */
  resync(): void;
  close(): void;
}

export function createPeople(deps: PeopleDeps): People & Sized {
  const { backend, mode, namespaces, live, fanout, degraded, log } = deps;
  const { logs, roster, moderation } = backend;
  const { feeds, presence } = live;
  const now = () => performance.now();

  const readMarkers = createReadMarkers({
    ...backend,
    subscriptions: backend.roomSubscriptions,
    onRaised: deps.roomReads.raised,
    log,
  });
  const connectionBans = createConnectionBans({ mode, moderation, now, date: deps.now });
  const textmsgAudience = createTextmsgAudience({
    roster,
    moderation,
    checkConnectionBan: connectionBans.check,
    degraded,
    log,
  });
  const connectionCounts = createConnectionCounts({ roster, log });
  const membershipTransfer = createMembershipTransfer({
    presence,
    onBanned: (room, userId) => enforcement.onRefused(room, userId),
    log,
  });
  const perUser = deps.rateSay && { perMs: deps.rateSay.perMs * 2, burst: deps.rateSay.burst * 2 };
  const logins = createLogins({
    logs,
    feeds,
    inboxView: deps.inboxView,
    announcements: deps.announcements,
    announcementFeed: live.announcementFeed,
    delivery: live.inboxDelivery,
    connectionCounts,
    membershipTransfer,
    userBuckets: createSharedBuckets(perUser, now),
    onAdmitting: textmsgAudience.arrive,
    onUserChange: (session) => Promise.all([textmsgAudience.moved(session), readMarkers.moved(session)]),
    onExcluded: (session) => exclusions.turnAway(session),
    degraded,
    now: deps.now,
    log,
  });
  const enforcement = createEnforcement({
    namespaces,
    logins,
    moderation,
    connectionBans,
    connectionMutes: createConnectionMutes(mode),
    banFromTextmsg: textmsgAudience.ban,
    endStreams: deps.endStreams,
    async leave(session, roomid, membership) {
      await leaveRoom(session, roomid, membership, { feeds, fanout, presence });
      await readMarkers.left(session, roomid);
    },
    degraded,
    now: deps.now,
    log,
  });

  const exclusions = createExclusions({
    ...deps,
    logins,
    moderation,
    inboxes: backend.inboxes,
    leave: (session, roomid, membership) =>
      leaveRoom(session, roomid, membership, { feeds, fanout, presence }),
    endStreams: deps.endAllStreams,
    flush: fanout.flush,
  });

  function review(): void {
    void enforcement.review();
    void exclusions.review();
  }

  return {
    sizes: () => ({
      logins: logins.sizes(),
      textmsgAudience: textmsgAudience.sizes(),
      connectionCounts: connectionCounts.sizes(),
      membershipTransfer: membershipTransfer.sizes(),
      connectionBans: connectionBans.sizes(),
    }),
    logins,
    textmsgAudience,
    readMarkers,
    connectionBans,
    enforcement,
    exclusions,
    review,
    moderator: createModerator({ moderation, enforcement }),
    signals: createSignals({ namespaces, sessionsOf: logins.sessionsOf }),
    resync() {
      textmsgAudience.resync();
      membershipTransfer.resync();
      logins.resync();
      review();
    },
    close() {
      logins.close();
      connectionCounts.close();
      membershipTransfer.close();
      textmsgAudience.close();
    },
  };
}

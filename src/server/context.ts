import type { Logger } from 'pino';
import type { Admission, Permit } from '../chat/admission.ts';
import type { Blocks } from '../chat/blocks.ts';
import type { Feeds } from '../chat/feeds.ts';
import type { Identities } from '../chat/identity.ts';
import type { Announcements } from '../chat/inbox/announcements.ts';
import type { DirectMessages } from '../chat/inbox/direct-messages.ts';
import type { InboxView } from '../chat/inbox/inbox-view.ts';
import type { Mentions } from '../chat/inbox/mentions.ts';
import type { MessageReceipts } from '../chat/inbox/message-receipts.ts';
import type { InboxStore } from '../chat/inbox-store.ts';
import type { RoomLogs } from '../chat/log-store.ts';
import type { MessageChanges } from '../chat/message-changes.ts';
import type { Presence } from '../chat/presence.ts';
import type { Roster } from '../chat/roster.ts';
import type { Outcome } from '../protocol/codes.ts';
import type { Acks } from '../protocol/events.ts';
import type { EventName, Payload } from '../protocol/payloads.ts';
import type { TokenExpiry } from './auth/token-expiry.ts';
import type { Fanout } from './delivery/fanout.ts';
import type { Receipts } from './delivery/receipts.ts';
import type { RoomReads } from './delivery/room-reads.ts';
import type { Signals } from './delivery/signals.ts';
import type { BeforeSay } from './hooks/before-say.ts';
import type { Metrics } from './metrics.ts';
import type { ConnectionBans } from './moderation/connection-bans.ts';
import type { Enforcement } from './moderation/enforcement.ts';
import type { Exclusions } from './moderation/exclusions.ts';
import type { Moderator } from './moderation/moderator.ts';
import type { NewRooms } from './new-rooms.ts';
import type { RecentAnswers } from './recent-answers.ts';
import type { Session } from './session.ts';
import type { StorageBudget } from './storage-budget.ts';
import type { SlowClients } from './transport/slow-clients.ts';
import type { Logins } from './users/logins.ts';
import type { ReadMarkers } from './users/read-markers.ts';
import type { TextmsgAudience } from './users/textmsg-audience.ts';

/** Limits that the settings put on a client. */
export interface ClientLimits {
  readonly maxTextBytes: number;
  readonly maxRooms: number;
  readonly historySize: number;
  readonly inboxSize: number;
  readonly inboxTtlS: number;
  readonly dedupeTtlS: number;
}

/** The services that event handlers use. */
export interface ChatContext {
  readonly admission: Pick<Admission, 'acquire' | 'run' | 'state'>;
  readonly slowClients: Pick<SlowClients, 'caughtUp'>;
  readonly logs: RoomLogs;
  readonly changes: MessageChanges;
  /** Reads the pages of joins, which come in crowds. */
  readonly joinPages: Pick<RoomLogs, 'read'>;
  readonly newRooms: NewRooms;
  readonly feeds: Feeds;
  readonly fanout: Pick<Fanout, 'flush'>;
  readonly presence: Presence;
  readonly roster: Roster;
  readonly inboxes: InboxStore;
  readonly blocks: Blocks;
  readonly identities: Identities;
  readonly logins: Logins;
  readonly tokenExpiry: TokenExpiry;
  readonly textmsgAudience: TextmsgAudience;
  readonly readMarkers: ReadMarkers;
  readonly moderator: Moderator;
  readonly exclusions: Exclusions;
  readonly enforcement: Enforcement;
  readonly signals: Signals;
  readonly roomReads: Pick<RoomReads, 'joined'>;
  readonly connectionBans: Pick<ConnectionBans, 'check'>;
  readonly directMessages: DirectMessages;
  readonly mentions: Pick<Mentions, 'storing'>;
  readonly receipts: Pick<Receipts, 'acknowledged'>;
  readonly messageReceipts: Pick<MessageReceipts, 'ofSender'>;
  readonly announcements: Announcements;
  readonly inboxView: InboxView;
  readonly limits: ClientLimits;
  readonly storageBudget: StorageBudget;
  /** Undefined without HOOK_BEFORE_SAY_URL. */
  readonly beforeSay?: BeforeSay | undefined;
  readonly metrics: Pick<
    Metrics,
    'said' | 'saidPrivately' | 'refused' | 'handshakesRefused' | 'deferred' | 'connected' | 'disconnected'
  >;
  readonly recentAnswers: Pick<RecentAnswers, 'note'>;
  readonly newId: () => string;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

type TurnMode = 'inTurn' | 'pipelined';

/** Handles one kind of event, whose payload is validated already. */
export interface EventHandler<E extends EventName> {
  /** See `EventQueue`. It may depend on the payload. */
  readonly mode: TurnMode | ((payload: Payload<E>) => TurnMode);
  /** Takes a token of RATE_SAY. */
  readonly says?: true;
  /** As many copies of its payload are stored, which count against RATE_STORED. */
  readonly stores?: 1 | 2;
  /** Takes a token of RATE_SIGNAL. */
  readonly signals?: true;
  /** Costs the store little or nothing: is not refused when the store has too much to do. */
  readonly free?: true;
  /**
   * Calls `answer` itself and returns `answered` where the ack must leave in the same turn as something else. It releases
   * `permit` before it waits for anything but the store.
   */
  run(
    session: Session,
    payload: Payload<E>,
    context: ChatContext,
    answer: (acked: Acks[E]) => void,
    permit: Pick<Permit, 'release'>,
  ): Promise<Outcome<Acks[E]> | 'answered'>;
}

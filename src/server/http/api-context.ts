import type { Admission } from '../../chat/admission.ts';
import type { IdempotencyStore } from '../../chat/idempotency.ts';
import type { Announcements } from '../../chat/inbox/announcements.ts';
import type { PushService } from '../../chat/inbox/push-service.ts';
import type { InboxStore } from '../../chat/inbox-store.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import type { LoggedRooms } from '../../chat/logged-rooms.ts';
import type { Roster } from '../../chat/roster.ts';
import type { ChatContext } from '../context.ts';
import type { AnnounceInRooms } from '../delivery/room-announcements.ts';
import type { OutgoingMessageDeps } from '../events/outgoing-message.ts';
import type { Exclusions } from '../moderation/exclusions.ts';
import type { CompareInbox } from '../moderation/inbox-comparisons.ts';
import type { Moderator } from '../moderation/moderator.ts';
import type { DisconnectUser } from '../moderation/user-disconnects.ts';
import type { EventStreams } from './event-streams.ts';
import type { UserExports } from './user-exports.ts';

/** The services that the routes use. */
export interface ApiContext extends OutgoingMessageDeps, Pick<ChatContext, 'recentAnswers'> {
  readonly admission: Pick<Admission, 'run'>;
  readonly logs: RoomLogs;
  readonly loggedRooms: LoggedRooms;
  readonly roster: Pick<Roster, 'count' | 'members' | 'rooms' | 'connections'>;
  readonly inboxes: Pick<InboxStore, 'erase' | 'markers'>;
  readonly announcements: Pick<Announcements, 'announce'>;
  readonly pushService: PushService;
  readonly idempotency: IdempotencyStore;
  readonly now: () => number;
  readonly announceIn: AnnounceInRooms;
  readonly disconnect: DisconnectUser;
  readonly compareInbox: CompareInbox;
  readonly moderator: Moderator;
  readonly exclusions: Pick<Exclusions, 'ban' | 'unban' | 'revoke'>;
  readonly eventStreams: Pick<EventStreams, 'open'>;
  readonly userExports: Pick<UserExports, 'open'>;
}

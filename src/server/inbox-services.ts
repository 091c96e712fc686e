import type { WorkerBackend } from '../backend/backend.ts';
import type { Admission } from '../chat/admission.ts';
import type { Feeds } from '../chat/feeds.ts';
import { type Announcements, createAnnouncements } from '../chat/inbox/announcements.ts';
import { createDirectMessages, type DirectMessages, type TodoLive } from '../chat/inbox/direct-messages.ts';
import { createInboxView, type InboxView } from '../chat/inbox/inbox-view.ts';
import { createMentions, type Mentions } from '../chat/inbox/mentions.ts';
import { createMessageReceipts, type MessageReceipts } from '../chat/inbox/message-receipts.ts';
import { createPacedPushService } from '../chat/inbox/paced-push-service.ts';
import type { PushService } from '../chat/inbox/push-service.ts';
import type { Appended, RoomLogs } from '../chat/log-store.ts';
import { inboxOf } from '../chat/room.ts';

export interface InboxServicesDeps {
  readonly backend: Pick<
    WorkerBackend,
    'logs' | 'inboxes' | 'roster' | 'pushes' | 'mentionNotes' | 'blocks' | 'roomSubscriptions' | 'moderation'
  >;
  /** The logs that pushes are stored in. */
  readonly pushLogs: Pick<RoomLogs, 'append'>;
  readonly feeds: Pick<Feeds, 'expectEcho'>;
  readonly admission: Admission;
  readonly limits: { readonly inboxSize: number };
  readonly todoLive: TodoLive;
  /** `instanceId` names this worker process. */
  readonly worker: { readonly instanceId: string };
  readonly now: () => number;
  readonly newId: () => string;
}

/** The services that write to inboxes, and the view that shows them. */
export interface InboxServices {
  readonly directMessages: DirectMessages;
  readonly announcements: Announcements;
  readonly pushService: PushService;
  readonly mentions: Mentions;
  readonly messageReceipts: MessageReceipts;
  readonly inboxView: InboxView;
}

export function createInboxServices(deps: InboxServicesDeps): InboxServices {
  const { backend, feeds, admission, todoLive, now, newId } = deps;
  const { instanceId } = deps.worker;
  const { logs, inboxes, roster } = backend;
  const onAppended = (nsp: string, userId: string, appended: Appended) =>
    feeds.expectEcho(inboxOf(nsp, userId), appended);

  return {
    directMessages: createDirectMessages({ logs, roster, todoLive, newId, onAppended }),
    announcements: createAnnouncements({ logs, inboxes, newId }),
    pushService: createPacedPushService({ ...backend, logs: deps.pushLogs, newId, onAppended }, admission),
    mentions: createMentions({ ...backend, notes: backend.mentionNotes, instanceId, newId, onAppended }),
    messageReceipts: createMessageReceipts(backend),
    inboxView: createInboxView({ logs, inboxes, inboxSize: deps.limits.inboxSize, now }),
  };
}

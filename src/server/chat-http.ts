import type { WorkerBackend } from '../backend/backend.ts';
import type { Admission } from '../chat/admission.ts';
import type { PushService } from '../chat/inbox/push-service.ts';
import type { Sized } from '../sizes.ts';
import type { ChatContext } from './context.ts';
import { createRoomAnnouncements } from './delivery/room-announcements.ts';
import type { Edge } from './edge.ts';
import type { EventStreams } from './http/event-streams.ts';
import { type HttpDeps, type HttpRoutes, openHttp } from './http/http-server.ts';
import type { UserExports } from './http/user-exports.ts';
import { createInboxComparisons } from './moderation/inbox-comparisons.ts';
import { createUserDisconnects } from './moderation/user-disconnects.ts';

export interface ChatHttpDeps extends Omit<HttpDeps, 'api' | 'addresses'> {
  readonly backend: Pick<WorkerBackend, 'idempotency' | 'loggedRooms'>;
  readonly context: ChatContext;
  readonly edge: Pick<Edge, 'of' | 'namespaces' | 'delivery' | 'traffic'>;
  readonly eventStreams: EventStreams;
  readonly userExports: UserExports;
  readonly admission: Admission;
  readonly pushService: PushService;
  /** The store is away. */
  readonly degraded: () => boolean;
  readonly now: () => number;
}

/** Serves HTTP with the services that the chat's events use, so that both ways in have the same effect. */
export function openChatHttp(deps: ChatHttpDeps): Promise<HttpRoutes & Sized> {
  const { backend, context, edge, eventStreams, userExports, admission, pushService, degraded, now, log } =
    deps;
  const { of, namespaces, delivery, traffic } = edge;
  return openHttp({
    ...deps,
    addresses: traffic.addresses,
    api: {
      ...context,
      admission,
      pushService,
      idempotency: backend.idempotency,
      loggedRooms: backend.loggedRooms,
      now,
      announceIn: createRoomAnnouncements({ of, degraded }),
      disconnect: createUserDisconnects({
        namespaces,
        logins: context.logins,
        endStreams: (nsp, userId) => eventStreams.endOf(userId, { nsp }),
        flush: delivery.fanout.flush,
        log,
      }),
      compareInbox: createInboxComparisons({ namespaces, feeds: context.feeds, log }),
      eventStreams,
      userExports,
    },
  });
}

import type { FeedPosition } from '../../chat/feed.ts';
import type { Feeds } from '../../chat/feeds.ts';
import { inboxOf, roomOf } from '../../chat/room.ts';
import type {
  ConnectionOutcome,
  ConnectionTrace,
  DeliveryQuestion,
  DeliveryTrace,
  TracedPosition,
  WorkerTrace,
} from '../../message-trace.ts';
import type { Fanout } from '../delivery/fanout.ts';
import type { RecentAnswers } from '../recent-answers.ts';
import type { JoinedAt, Membership, Session } from '../session.ts';
import type { ConnectionInternals } from '../transport/private-members.ts';
import type { Logins } from '../users/logins.ts';

export interface DeliveryTracerDeps {
  readonly feeds: Pick<Feeds, 'positionOf'>;
  readonly fanout: Pick<Fanout, 'gathered'>;
  readonly logins: Pick<Logins, 'sessions' | 'sessionsOf'>;
  readonly internals: Pick<ConnectionInternals, 'waitingBytes'>;
  readonly recentAnswers: Pick<RecentAnswers, 'of'>;
  /** This worker. */
  readonly worker: Pick<WorkerTrace, 'host' | 'slot' | 'pid' | 'instanceId'>;
}

/** Says what this worker knows of the messages and of the connections that it has. */
export type TraceDeliveries = (question: DeliveryQuestion) => WorkerTrace;

/** Connections that are listed for one message. */
const MAX_LISTED = 20;

export function createDeliveryTracer(deps: DeliveryTracerDeps): TraceDeliveries {
  const { feeds, fanout, logins, internals, recentAnswers, worker } = deps;

  function traceRoom(message: TracedPosition, userId: string | undefined): DeliveryTrace {
    const { nsp, roomid } = message;
    const room = roomOf(nsp, roomid);
    const position = feeds.positionOf(room);
    const passed = position !== undefined && hasPassed(position, message);
    const head = `{"seq":${message.seq},`;
    const isGathered = fanout.gathered(room).some(({ json }) => json.startsWith(head));
    const others: ConnectionTrace[] = [];
    const ofUser: ConnectionTrace[] = [];
    const ofAuthor: ConnectionTrace[] = [];
    let connections = 0;
    let written = 0;
    for (const session of logins.sessions()) {
      if (session.socket.nsp.name !== nsp) continue;
      const membership = session.memberships.get(roomid);
      const isOfUser = session.user.id === userId;
      if (!membership && !isOfUser) continue;
      const live = passed ? (isGathered ? 'gathered' : 'written') : 'behind';
      const outcome = membership
        ? outcomeOf(message, session, membership.joinedAt, position, live)
        : 'not_joined';
      if (membership) connections += 1;
      if (outcome === 'written') written += 1;
      const one = traceConnection(session, membership, outcome);
      if (isOfUser && ofUser.length < MAX_LISTED) ofUser.push(one);
      if (!membership) continue;
      if (outcome !== 'written' && others.length < MAX_LISTED) others.push(one);
      if (session.user.id === message.author && ofAuthor.length < MAX_LISTED)
        ofAuthor.push({ ...one, ackedUpTo: membership.lastSay?.seq ?? 0 });
    }
    return {
      connections,
      ...(position && { deliveredUpTo: position.seq }),
      passed,
      written,
      others,
      ofUser,
      ofAuthor,
    };
  }

  function traceConnection(
    { socket, user }: Session,
    membership: Membership | undefined,
    outcome: ConnectionOutcome,
  ): ConnectionTrace {
    const { seq, first, resumedAfter } = membership?.joinedAt ?? {};
    return {
      clientId: socket.id,
      userId: user.id,
      outcome,
      waitingBytes: internals.waitingBytes(socket.conn),
      ...(seq === undefined ? {} : { joinedAt: seq }),
      ...(first === undefined ? {} : { first }),
      ...(resumedAfter === undefined ? {} : { resumedAfter }),
    };
  }

  function traceInbox(message: TracedPosition): DeliveryTrace {
    const inbox = inboxOf(message.nsp, message.roomid);
    const position = feeds.positionOf(inbox);
    return {
      connections: logins.sessionsOf(inbox).length,
      ...(position && { deliveredUpTo: position.seq }),
      passed: position !== undefined && hasPassed(position, message),
      written: 0,
      others: [],
      ofUser: [],
      ofAuthor: [],
    };
  }

  return ({ messages, id, userId }) => ({
    ...worker,
    deliveries: messages.map((message) =>
      message.kind === 'inbox' ? traceInbox(message) : traceRoom(message, userId),
    ),
    answers: id === undefined ? [] : recentAnswers.of(id),
  });
}

/** Returns whether the feed's past contains the message. */
function hasPassed({ epoch, seq, previousEpochs }: FeedPosition, message: TracedPosition): boolean {
  if (message.epoch === epoch) return message.seq <= seq;
  return previousEpochs.some((earlier) => earlier.epoch === message.epoch && message.seq <= earlier.upTo);
}

/** `live`: the outcome for connections that had joined before the message. */
function outcomeOf(
  message: TracedPosition,
  { socket }: Session,
  joinedAt: JoinedAt | undefined,
  position: FeedPosition | undefined,
  live: 'written' | 'gathered' | 'behind',
): ConnectionOutcome {
  if (!joinedAt || !position) return 'unknown';
  if (isAfter(message, joinedAt, position)) return message.except === socket.id ? 'excepted' : live;
  const { first, resumedAfter } = joinedAt;
  if (message.seq >= first) return resumedAfter === undefined ? 'page' : 'resumed';
  return resumedAfter !== undefined && message.seq <= resumedAfter ? 'had' : 'before';
}

/** A later epoch is later, whatever its numbers: a store that came back empty begins at 1 again. */
function isAfter(
  message: TracedPosition,
  joinedAt: JoinedAt,
  { epoch, previousEpochs }: FeedPosition,
): boolean {
  if (message.epoch === joinedAt.epoch) return message.seq > joinedAt.seq;
  const order = [...previousEpochs.map((earlier) => earlier.epoch), epoch];
  return order.indexOf(message.epoch) > order.indexOf(joinedAt.epoch);
}

import type { FeedPosition, PastGap } from '../../chat/feed.ts';
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
    const passing = passingOf(message, position);
    const { fate } = passing;
    const head = `{"seq":${message.seq},`;
    const isGathered = fate === 'passed' && fanout.gathered(room).some(({ json }) => json.startsWith(head));
    const live = isGathered ? 'gathered' : LIVE_OUTCOMES[fate];
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
      const outcome = membership
        ? outcomeOf(message, session, position && membership.joinedAt, passing, live)
        : 'not_joined';
      if (membership) connections += 1;
      if (outcome === 'written') written += 1;
      const one = traceConnection(session, membership, outcome);
      if (isOfUser && ofUser.length < MAX_LISTED) ofUser.push(one);
      if (!membership) continue;
      if (outcome !== 'written' && others.length < MAX_LISTED) others.push(one);
      if (session.user.id === message.author && ofAuthor.length < MAX_LISTED)
        ofAuthor.push({ ...one, ackedUpTo: ackedUpTo(message, membership) });
    }
    return {
      connections,
      ...(position && { deliveredUpTo: position.seq }),
      ...arrivalOf(fate),
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
      ...arrivalOf(passingOf(message, position).fate),
      written: 0,
      others: [],
      ofUser: [],
      ofAuthor: [],
    };
  }

  return ({ messages, nsp, roomid, id, userId }) => ({
    ...worker,
    deliveries: messages.map((message) =>
      message.kind === 'inbox' ? traceInbox(message) : traceRoom(message, userId),
    ),
    answers:
      id === undefined
        ? []
        : recentAnswers.of({ clientMsgId: id, nsp, ...(roomid === undefined ? {} : { roomid }) }),
  });
}

/**
 * What the feed knows of the message. `passed`: it has delivered it. `lost`: it has, and the store lost the message
 * afterwards. `gap`: the log had lost it when the feed asked. `never_came`: the store lost it before the feed got it.
 * `ahead`: the feed has not come so far.
 */
type Fate = 'passed' | 'lost' | 'gap' | 'never_came' | 'ahead';

const LIVE_OUTCOMES = {
  passed: 'written',
  lost: 'written',
  gap: 'gap',
  never_came: 'never_came',
  ahead: 'behind',
} as const satisfies Record<Fate, ConnectionOutcome>;

function arrivalOf(fate: Fate): Pick<DeliveryTrace, 'passed' | 'missed'> {
  return {
    passed: fate === 'passed' || fate === 'lost',
    ...(fate === 'gap' || fate === 'never_came' ? { missed: fate } : {}),
  };
}

/** The epochs of a log at some time: its own, and up to where the earlier ones held. */
type Epochs = Pick<FeedPosition, 'epoch' | 'previousEpochs'>;

interface Passing {
  readonly fate: Fate;
  /** The epochs when the feed delivered it, or would have. */
  readonly epochs: Epochs;
}

const NO_POSITION: FeedPosition = { epoch: '', seq: 0, previousEpochs: [], gaps: [] };

function passingOf(message: TracedPosition, position = NO_POSITION): Passing {
  const isIn = (gap: PastGap) => gap.from <= message.seq && message.seq <= gap.to && holds(gap, message);
  const trimmed = position.gaps.find((gap) => gap.reason === 'trimmed' && isIn(gap));
  if (trimmed) return { fate: 'gap', epochs: trimmed };
  const lost = position.gaps.find((gap) => gap.reason === 'epoch' && isIn(gap));
  if (lost) return { fate: 'lost', epochs: lost };
  const isHeld = holds(position, message);
  if (isHeld && message.seq <= position.seq) return { fate: 'passed', epochs: position };
  // An epoch that no page has listed is a newer one, unless the store says that the message is lost.
  const isGone = message.lost || (!isHeld && orderOf(position).includes(message.epoch));
  return { fate: isGone ? 'never_came' : 'ahead', epochs: position };
}

/** Oldest first. */
function orderOf({ epoch, previousEpochs }: Epochs): string[] {
  return [...previousEpochs.map((earlier) => earlier.epoch), epoch];
}

/** Returns whether the log numbered that message: it is of the log's epoch, or of an earlier one as far as that held. */
function holds({ epoch, previousEpochs }: Epochs, message: TracedPosition): boolean {
  if (message.epoch === epoch) return true;
  return previousEpochs.some((earlier) => earlier.epoch === message.epoch && message.seq <= earlier.upTo);
}

/** An ack of another epoch says nothing: the same numbers may name other messages there. */
function ackedUpTo({ epoch }: TracedPosition, { lastSay }: Membership): number {
  return lastSay?.epoch === epoch ? lastSay.seq : 0;
}

/** `live`: the outcome for connections that had joined before the message. */
function outcomeOf(
  message: TracedPosition,
  { socket }: Session,
  joinedAt: JoinedAt | undefined,
  { fate, epochs }: Passing,
  live: ConnectionOutcome,
): ConnectionOutcome {
  if (!joinedAt) return 'unknown';
  const order = orderOf(epochs);
  const [ofMessage, ofJoin] = [order.indexOf(message.epoch), order.indexOf(joinedAt.epoch)];
  if (message.epoch !== joinedAt.epoch) {
    // It joined after the store had lost the message.
    if (fate === 'lost' && ofJoin < 0) return 'never_came';
    if (ofMessage >= 0 && ofMessage < ofJoin && !holds(epochs, message)) return 'never_came';
  }
  // A later epoch is later, whatever its numbers: a store that came back empty begins at 1 again.
  const isAfter =
    message.epoch === joinedAt.epoch ? message.seq > joinedAt.seq : ofMessage < 0 || ofMessage > ofJoin;
  if (isAfter) return message.except === socket.id ? 'excepted' : live;
  const { first, resumedAfter } = joinedAt;
  if (message.seq >= first) return resumedAfter === undefined ? 'page' : 'resumed';
  return resumedAfter !== undefined && message.seq <= resumedAfter ? 'had' : 'before';
}

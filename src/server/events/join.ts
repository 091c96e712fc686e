import type { Logger } from 'pino';
import { socketRoom } from '../../backend/socket-room.ts';
import type { Entry } from '../../chat/log-store.ts';
import { extendPage, type JoinPage, readLatest, readResumed } from '../../chat/pages.ts';
import { type Room, roomOf } from '../../chat/room.ts';
import type { RosterCount } from '../../chat/roster.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Payload } from '../../protocol/payloads.ts';
import type { Joined } from '../../protocol/rooms.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import { messagesOf } from '../delivery/messages.ts';
import { entriesFor } from '../delivery/older-clients.ts';
import { type JoinedAt, personOf, type Session } from '../session.ts';
import { rename, renamed, reservedName } from './naming.ts';
import { denied } from './room-access.ts';

export const join: EventHandler<'join'> = {
  mode: 'inTurn',
  run(session, payload, context, answer) {
    return joinRoom(session, payload, context, answer);
  },
};

/** The room's counts and, for a user who is new to it, what announces the user there. */
type Entered = RosterCount & { readonly announce?: () => void };

/**
 * Makes the connection a member and answers in the same turn of the event loop: the answer's messages end where the
 * first live one goes on. A connection that is a member already gets a fresh page and fresh counts. It asks the store at
 * once and answers after `before`, unless that says that the connection is not admitted.
 */
export async function joinRoom(
  session: Session,
  payload: Payload<'join'>,
  context: ChatContext,
  answer: (joined: Joined) => void,
  before?: Promise<boolean>,
): Promise<Refusal | 'answered'> {
  const { socket, memberships, identity: oldIdentity } = session;
  const { newRooms, feeds, fanout, presence, enforcement, readMarkers, roomReads } = context;
  const roomid = payload.roomid ?? session.defaultRoom;
  const asked = roomOf(socket.nsp.name, roomid);
  if (!socket.connected) return connectionGone();
  const refusal =
    reservedName(payload.username, 'username', context) ?? (await refusalOf(session, asked, context));
  if (refusal) return refusal;
  const membership = memberships.get(roomid);
  const tooMany = membership ? undefined : await newRooms.admit(session, asked);
  if (tooMany) return tooMany;
  const leased = await feeds.lease(membership?.room ?? asked);
  if (!leased.ok) return leased;
  const lease = leased.value;
  // The roster would announce somebody who has gone already.
  if (!socket.connected) {
    lease.release();
    return connectionGone();
  }
  const { room } = lease;
  let admitted = true;
  /** Takes the steps of a join back, the last one first, when it does not make the connection a member. */
  const undo: (() => unknown)[] = [() => lease.release()];

  const identity = renamed(session, payload);
  const person = personOf(identity.user);
  const counted = membership !== undefined && !membership.uncounted;
  const entering: Promise<Outcome<Entered>> = counted
    ? countAgain(session, room, context)
    : presence.enter(room, person);
  if (!counted) {
    undo.push(async () => {
      // A user who is not admitted is gone at once: the time for a return would show them to the room.
      if ((await entering).ok) void presence.leave(room, person.userId, admitted ? 'lost' : 'asked');
    });
  }

  /** Takes the new name, and the room among the user's own, before the answer: every worker then finds both. */
  async function prepare(top: number): Promise<void> {
    const joining = readMarkers.joining(session, roomid, top);
    if (!membership) {
      undo.push(
        () => rename(session, oldIdentity, context),
        async () => (await joining)(),
      );
    }
    await Promise.all([joining, rename(session, identity, context)]);
  }

  let prepared: Promise<void> | undefined;
  async function read(): Promise<Outcome<JoinPage & { readonly entered: Entered }>> {
    const [entered, page, bound] = await Promise.all([entering, readPage(context, room, payload), before]);
    if (bound === false) {
      admitted = false;
      return connectionGone();
    }
    if (!entered.ok) return entered;
    if (!page.ok) return page;
    // Prepares once, though the page is read again when the epoch changes.
    prepared ??= prepare(page.value.top);
    await prepared;
    return succeed({ ...page.value, entered: entered.value });
  }

  function admit(
    page: JoinPage & { readonly entered: Entered },
    since: readonly Entry[],
  ): Entered | undefined {
    if (!socket.connected) return undefined;
    const joined = describe(session, roomid, page, since, page.entered, payload.history);
    // The answer holds what the room has gathered: members get that now, and the joiner does not get it twice.
    fanout.flush(room);
    if (!membership) {
      // `read` is set below: a field that is added later takes an object of its own.
      // The feed's epoch: one string for all members.
      const epoch = feeds.positionOf(room)?.epoch ?? joined.epoch;
      const joinedAt = joinedAtOf({ ...joined, epoch }, payload);
      memberships.set(roomid, { room, lease, joinedAt, read: undefined });
      void socket.join(socketRoom(room));
      undo.push(() => {
        memberships.delete(roomid);
        return socket.leave(socketRoom(room));
      });
    } else if (!counted) {
      delete membership.uncounted;
      undo.push(() => {
        membership.uncounted = true;
      });
    }
    answer(joined);
    readMarkers.joined(session, roomid, joined.seq);
    if (page.hasMarks) roomReads.joined(socket, room, joined.clients);
    return page.entered;
  }

  let attached: Outcome<Entered | undefined> | undefined;
  try {
    attached = await feeds.attach(room, read, admit);
  } finally {
    const isMember = attached?.ok && attached.value !== undefined;
    if (!isMember) await takeBack(undo, context.log);
    // Members have a lease of their own.
    else if (membership) lease.release();
  }
  if (!attached.ok) {
    // It keeps the banned user from bringing anybody else in over this connection.
    if (attached.error.code === 'forbidden') enforcement.onRefused(room, person.userId);
    return attached;
  }
  attached.value?.announce?.();
  return 'answered';
}

function connectionGone(): Refusal {
  return refuse('unavailable', 'the connection is gone');
}

function joinedAtOf({ epoch, seq, messages, recovered }: Joined, { resume }: Payload<'join'>): JoinedAt {
  const first = messages[0]?.seq ?? seq + 1;
  return { epoch, seq, first, resumedAfter: recovered ? resume?.seq : undefined };
}

/** Runs the steps from the last to the first, each whatever became of the others: nothing else would undo them. */
async function takeBack(undo: readonly (() => unknown)[], log: Logger): Promise<void> {
  for (const step of undo.toReversed()) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, 'a step of a failed join could not be undone');
    }
  }
}

/** Why the connection may not join, as far as this worker can tell: the store checks bans itself. */
async function refusalOf(
  session: Session,
  room: Room,
  { connectionBans, limits }: ChatContext,
): Promise<Refusal | undefined> {
  const { memberships } = session;
  const { roomid } = room;
  const refusal = denied(session, roomid, 'read');
  if (refusal || memberships.has(roomid)) return refusal;
  const banned = await connectionBans.check(session, room);
  if (banned) return banned;
  if (memberships.size < limits.maxRooms) return undefined;
  return refuse('limit', `roomid: a connection may be in ${limits.maxRooms} rooms`);
}

/** Counts a member again: a ban that this worker did not hear of ends the membership. */
async function countAgain({ user }: Session, room: Room, context: ChatContext): Promise<Outcome<Entered>> {
  const { presence, enforcement } = context;
  const [banned, counted] = await Promise.all([enforcement.banOf(room, user.id), presence.count(room)]);
  return banned ?? counted;
}

function readPage(
  { joinPages, limits }: ChatContext,
  room: Room,
  { resume, history }: Payload<'join'>,
): Promise<Outcome<JoinPage>> {
  return resume
    ? readResumed(joinPages, room, resume, { messages: limits.historySize, latest: history })
    : readLatest(joinPages, room, history);
}

function describe(
  { socket, identity }: Session,
  roomid: string,
  page: JoinPage,
  since: readonly Entry[],
  { users, clients }: RosterCount,
  history: number,
): Joined {
  const { seq, entries, more } = extendPage(page, since, history);
  return {
    roomid,
    epoch: page.epoch,
    seq,
    users,
    clients,
    recovered: page.recovered,
    messages: entriesFor(socket, messagesOf(entries)),
    more,
    can: identity.access.rightsIn(roomid),
  };
}

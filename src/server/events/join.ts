import type { Entry } from '../../chat/log-store.ts';
import { extendPage, type JoinPage, readLatest, readResumed } from '../../chat/pages.ts';
import { type Room, roomOf, socketRoom } from '../../chat/room.ts';
import type { RosterCount } from '../../chat/roster.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Payload } from '../../protocol/payloads.ts';
import type { Joined } from '../../protocol/rooms.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import { messagesOf } from '../delivery/messages.ts';
import { personOf, type Session } from '../session.ts';
import type { UndoJoin } from '../users/read-markers.ts';
import { rename, renamed } from './naming.ts';
import { denied } from './room-access.ts';

export const join: EventHandler<'join'> = {
  mode: 'inTurn',
  run(session, payload, context, answer) {
    return joinRoom(session, payload, context, answer);
  },
};

/** The room's counts and, for somebody new to it, what tells the room. */
type Entered = RosterCount & { readonly announce?: () => void };

/**
 * Makes the connection a member and answers in one turn: the answer's messages end where the first live one
 * goes on, whatever is said meanwhile.
 */
export async function joinRoom(
  session: Session,
  payload: Payload<'join'>,
  context: ChatContext,
  answer: (joined: Joined) => void,
): Promise<Refusal | 'answered'> {
  const { socket, memberships } = session;
  const { feeds, fanout, presence, limits, connectionBans, enforcement } = context;
  const roomid = payload.roomid ?? session.defaultRoom;
  const refusal = denied(session, roomid);
  if (refusal) return refusal;
  const membership = memberships.get(roomid);
  const carried = membership
    ? undefined
    : await connectionBans.check(session, roomOf(socket.nsp.name, roomid));
  if (carried) return carried;
  if (!membership && memberships.size >= limits.maxRooms) {
    return refuse('limit', `roomid: a connection may be in ${limits.maxRooms} rooms`);
  }
  const held = await feeds.lease(membership?.room ?? roomOf(socket.nsp.name, roomid));
  if (!held.ok) return held;
  const lease = held.value;
  const { room } = lease;

  const { username, avatar } = payload;
  const identity = renamed(session, { username, avatar });
  const person = personOf(identity.user);
  const counted = membership && !membership.uncounted;
  const entering: Promise<Outcome<Entered>> = counted
    ? recount(session, room, context)
    : presence.enter(room, person);
  const { identity: before } = session;
  let noted: UndoJoin | undefined;
  const met = await feeds.attach(
    room,
    async () => {
      const [entered, page] = await Promise.all([entering, readPage(context, room, payload)]);
      if (!entered.ok) return entered;
      if (!page.ok) return page;
      // Only somebody who may come in goes by the new name. Before the answer: any worker may be asked after it.
      [noted] = await Promise.all([
        noted ?? context.readMarkers.joining(session, roomid, page.value.top),
        rename(session, identity, context),
      ]);
      return succeed({ ...page.value, entered: entered.value });
    },
    (page, since) => {
      if (!socket.connected) return undefined;
      // What the page and `since` have must not come again.
      fanout.flush(room);
      if (!membership) {
        // With what is set next: a field that is added later takes an object of its own.
        memberships.set(roomid, { room, lease, read: undefined });
        void socket.join(socketRoom(room));
      }
      if (membership && !counted) delete membership.uncounted;
      const joined = describe(roomid, page, since, page.entered, payload.history);
      answer(joined);
      context.readMarkers.joined(session, roomid, joined.seq);
      return page.entered;
    },
  );
  const admitted = met.ok ? met.value : undefined;
  if (membership || !admitted) lease.release();
  if (!counted && !admitted && (await entering).ok) void presence.leave(room, person.userId, 'lost');
  if (!membership && !admitted && noted) await Promise.all([noted(), rename(session, before, context)]);
  if (!met.ok) {
    // So that nobody else comes in over its connection.
    if (met.error.code === 'forbidden') enforcement.onRefused(room, person.userId);
    return met;
  }
  admitted?.announce?.();
  return 'answered';
}

/** Of somebody who is in it: a ban that this worker was not told of ends that. */
async function recount({ user }: Session, room: Room, context: ChatContext): Promise<Outcome<Entered>> {
  const { presence, enforcement } = context;
  const [banned, counted] = await Promise.all([enforcement.banOf(room, user.id), presence.count(room)]);
  return banned ?? counted;
}

function readPage(
  { logs, limits }: ChatContext,
  room: Room,
  { resume, history }: Payload<'join'>,
): Promise<Outcome<JoinPage>> {
  return resume
    ? readResumed(logs, room, resume, { messages: limits.historySize, latest: history })
    : readLatest(logs, room, history);
}

function describe(
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
    ...(page.recovered === undefined ? {} : { recovered: page.recovered }),
    messages: messagesOf(entries),
    more,
  };
}

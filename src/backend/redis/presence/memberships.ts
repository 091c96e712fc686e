import { refuseRestricted } from '../../../chat/moderation.ts';
import type { Room } from '../../../chat/room.ts';
import type { Roster, RosterChange, RosterEntry } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { refuse, succeed } from '../../../protocol/codes.ts';
import type { Sized } from '../../../sizes.ts';
import type { ReportedPresence, ReportedUser } from '../../reported-presence.ts';
import type { EnterOptions, EnterReply, ExitReply, RosterCalls } from './roster-calls.ts';

export interface MembershipsDeps {
  readonly calls: RosterCalls;
  readonly reported: ReportedPresence;
  /** 0: no limit. */
  readonly maxRoomClients: number;
  /** Returns whether the roster certainly has what it accepted from this instance, unless the server lost it. */
  readonly isTrusted: () => boolean;
  readonly vacateIfEmpty: (room: Room) => void;
}

/** Reports to the roster which users of this instance are in which room. */
export interface Memberships extends Pick<Roster, 'enter' | 'exit' | 'setClients'> {
  /** Reports a user again. `known`: the members have not been told that the user left, since it is the store that lost them. */
  enterAgain(room: Room, user: ReportedUser, clients: number, known: boolean): Promise<Outcome<RosterChange>>;
}

/** The reply of roster-enter.lua that refuses a banned user; any other refusal means that the room is full. */
const BANNED = 1;
const NO_LIMIT = 0;

export function createMemberships(deps: MembershipsDeps): Memberships & Sized {
  const { calls, reported, maxRoomClients, isTrusted, vacateIfEmpty } = deps;
  const { sendEnter, sendExit } = calls;
  /** Users who left and whose exit the store has not accepted, by room and user. */
  const departing = new Map<string, ReportedUser>();

  async function report(room: Room, user: ReportedUser, clients: number, options: EnterOptions) {
    const entered = await sendEnter(room, user, clients, options);
    if (entered.ok && entered.value[4] === 0) reported.accepted(room, user.userId);
    return entered;
  }

  async function enter(room: Room, user: RosterEntry, own: number, clients: number) {
    const key = `${room.tag} ${user.userId}`;
    const trusted = isTrusted();
    const accepted = departing.delete(key) || reported.isAccepted(room, user.userId);
    const known = (settleMs: number) => accepted && (trusted || settleMs > 0);
    const expected = trusted && reported.hasAccepted(room);
    const person = { ...user, own };
    const takeBack = reported.enter(room, person, clients);
    const most = room.kind === 'room' ? maxRoomClients : NO_LIMIT;
    const entered = await report(room, person, clients, { most, known, expected });
    const refused = entered.ok ? entered.value[4] : 0;
    if (!entered.ok || refused === 0) return counted(entered);
    takeBack();
    vacateIfEmpty(room);
    return refused === BANNED
      ? refuseRestricted('ban', entered.value[5])
      : refuse('limit', 'roomid: the room is full');
  }

  async function exit(room: Room, userId: string, clients: number, unannounced = false) {
    const expected = isTrusted() && reported.hasAccepted(room);
    const key = `${room.tag} ${userId}`;
    const user = reported.isAccepted(room, userId) ? reported.userIn(room, userId)?.user : departing.get(key);
    reported.exit(room, userId, clients);
    if (user) departing.set(key, user);
    const left = await sendExit(room, userId, clients, {
      known: user,
      expected,
      tell: unannounced ? 'join' : 'quit',
    });
    if (!left.ok) return left;
    departing.delete(key);
    return announced(left.value);
  }

  async function setClients(room: Room, clients: number) {
    reported.setClients(room, clients);
    const outcome = await sendExit(room, '', clients);
    return outcome.ok ? succeed({ users: outcome.value[0], clients: outcome.value[1] }) : outcome;
  }

  return {
    sizes: () => ({ departing: departing.size }),
    enter,
    async enterAgain(room, user, clients, known) {
      const isKnown = () => known && reported.isAccepted(room, user.userId);
      return counted(await report(room, user, clients, { most: NO_LIMIT, known: isKnown }));
    },
    exit,
    setClients,
  };
}

function counted(outcome: Outcome<EnterReply>) {
  return outcome.ok ? succeed({ ...changeOf(outcome.value), wasHere: outcome.value[6] === 1 }) : outcome;
}

const announced = (reply: ExitReply) => succeed({ ...changeOf(reply), announced: true });

function changeOf([users, clients, changed]: EnterReply | ExitReply) {
  return { users, clients, changed: changed === 1 };
}

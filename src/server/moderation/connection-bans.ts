import { GUEST_PREFIX, guestCreatedAt } from '../../chat/identity.ts';
import { type Moderation, refuseRestricted } from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import type { Refusal } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { Session } from '../session.ts';

/** The time that a ban applies to an address: others may share it, and addresses change hands. */
const ADDRESS_BAN_MS = 10 * 60_000;
/** Per connection or address. */
const MAX_ROOMS = 100;
const MAX_ADDRESSES = 10_000;

/**
 * Bans that go with a connection. In open mode nobody proves who they are, so a banned user could come back under another
 * name at once. A ban therefore applies to every user of the connection that it hit and, if that was a guest's, to new
 * guests from its address. Only the banned user's id is recorded; the store decides whether the ban is still in force.
 */
export interface ConnectionBans {
  /** The session's user is banned from the room. Returns the address if the ban applies to it from now on. */
  note(session: Session, room: Room): string | undefined;
  /** Another worker has recorded a ban for the address. */
  noteAddress(address: string, room: Room, userId: string): void;
  /** Undefined if no ban is recorded for the session; else the refusal, if the ban is still in force. */
  check(session: Session, room: Room): Promise<Refusal | undefined> | undefined;
}

export interface ConnectionBansDeps {
  readonly mode: 'open' | 'token';
  readonly moderation: Pick<Moderation, 'restrictions'>;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Ms since 1970. */
  readonly date: () => number;
}

interface Note {
  readonly userId: string;
  readonly notedAt: number;
  /** The date of the ban: older guests are not new. */
  readonly since: number;
}

type Notes = Map<string, Note>;

export function createConnectionBans({
  mode,
  moderation,
  now,
  date,
}: ConnectionBansDeps): ConnectionBans & Sized {
  const ofConnections = new WeakMap<Session['budget'], Notes>();
  const ofAddresses = new Map<string, Notes>();

  const keyOf = ({ nsp, roomid }: Room) => `${nsp} ${roomid}`;
  const isGuest = ({ user }: Session) => user.id.startsWith(GUEST_PREFIX);

  const isInForce = ({ notedAt }: Note) => now() - notedAt < ADDRESS_BAN_MS;

  function put(notes: Notes, room: Room, userId: string): void {
    const key = keyOf(room);
    const before = notes.get(key);
    // A repeated ban keeps its first date: a guest who came after that stays new.
    const since = before && isInForce(before) ? before.since : date();
    notes.delete(key);
    notes.set(key, { userId, notedAt: now(), since });
    dropOldest(notes, MAX_ROOMS);
  }

  function noteAddress(address: string, room: Room, userId: string): void {
    const notes = ofAddresses.get(address) ?? new Map();
    ofAddresses.delete(address);
    ofAddresses.set(address, notes);
    put(notes, room, userId);
    dropOldest(ofAddresses, MAX_ADDRESSES);
  }

  function ofAddress(session: Session, key: string): Note | undefined {
    const { address } = session.budget;
    if (address === undefined || !isGuest(session)) return undefined;
    const note = ofAddresses.get(address)?.get(key);
    return note && isInForce(note) && isNew(session, note) ? note : undefined;
  }

  /** Decides by the token's date and not by its presence: a new guest gets a token a moment later. */
  function isNew({ identity: { guestToken } }: Session, { since }: Note): boolean {
    return guestToken === undefined || guestCreatedAt(guestToken) >= since;
  }

  async function firstBan(room: Room, notes: readonly Note[]): Promise<Refusal | undefined> {
    for (const { userId } of notes) {
      const found = await moderation.restrictions(room, userId);
      // If the store is away it refuses the next step as well.
      if (found.ok && found.value.ban) return refuseRestricted('ban');
    }
    return undefined;
  }

  return {
    sizes: () => ({ ofAddresses: ofAddresses.size }),
    note(session, room) {
      const { budget, user } = session;
      if (mode !== 'open') return undefined;
      const notes = ofConnections.get(budget) ?? new Map();
      ofConnections.set(budget, notes);
      put(notes, room, user.id);
      if (budget.address === undefined || !isGuest(session)) return undefined;
      const before = ofAddresses.get(budget.address)?.get(keyOf(room));
      const known = before !== undefined && isInForce(before) && before.userId === user.id;
      noteAddress(budget.address, room, user.id);
      return known ? undefined : budget.address;
    },
    noteAddress,
    check(session, room) {
      const key = keyOf(room);
      const notes = [ofConnections.get(session.budget)?.get(key), ofAddress(session, key)];
      const others = notes.filter((note) => note !== undefined && note.userId !== session.user.id);
      return others.length === 0 ? undefined : firstBan(room, others as Note[]);
    },
  };
}

function dropOldest<V>(map: Map<string, V>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}

import type { Room } from '../../chat/room.ts';
import type { Session } from '../session.ts';

/** Per connection, each with the users that were muted there. */
const MAX_ROOMS = 100;
const MAX_USERS = 10;

/**
 * Mutes that go with a connection, because in open mode a muted user could change the name at once. Only the muted
 * users' ids are recorded; the store decides whether a mute is still in force. Addresses are not recorded: many users
 * may share one, and a mute is not worth silencing them.
 */
export interface ConnectionMutes {
  /** The session's user is muted in the room. */
  note(session: Session, room: Room): void;
  /** Returns other users who were muted in the room over the session's connection. Costs nothing before the first mute. */
  of(session: Session, room: Room): readonly string[] | undefined;
  /** The user's mute is over. */
  forget(session: Session, room: Room, userId: string): void;
}

export function createConnectionMutes(mode: 'open' | 'token'): ConnectionMutes {
  const ofConnections = new WeakMap<Session['budget'], Map<string, Set<string>>>();
  let anyMute = false;

  const keyOf = ({ nsp, roomid }: Room) => `${nsp} ${roomid}`;

  return {
    note({ budget, user }, room) {
      if (mode !== 'open') return;
      anyMute = true;
      const rooms = ofConnections.get(budget) ?? new Map<string, Set<string>>();
      ofConnections.set(budget, rooms);
      const key = keyOf(room);
      const users = rooms.get(key) ?? new Set();
      rooms.delete(key);
      rooms.set(key, users);
      users.delete(user.id);
      users.add(user.id);
      dropOldest(users, MAX_USERS);
      dropOldest(rooms, MAX_ROOMS);
    },
    of({ budget, user }, room) {
      const users = anyMute ? ofConnections.get(budget)?.get(keyOf(room)) : undefined;
      const others = users && [...users].filter((id) => id !== user.id);
      return others?.length ? others : undefined;
    },
    forget({ budget }, room, userId) {
      const rooms = ofConnections.get(budget);
      const users = rooms?.get(keyOf(room));
      users?.delete(userId);
      if (users?.size === 0) rooms?.delete(keyOf(room));
    },
  };
}

function dropOldest(
  kept: { readonly size: number; keys(): Iterable<string>; delete(key: string): boolean },
  most: number,
): void {
  for (const key of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(key);
  }
}

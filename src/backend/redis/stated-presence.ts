import type { Room } from '../../chat/room.ts';
import type { RosterEntry } from '../../chat/store.ts';

/** What this worker last told the roster, kept to tell it again when the store no longer knows it. */
export interface StatedPresence {
  enter(room: Room, user: RosterEntry, clients: number): void;
  exit(room: Room, userId: string, clients: number): void;
  recount(room: Room, clients: number): void;
  setOnline(userId: string, online: boolean): void;
  holds(room: Room): boolean;
  rooms(): Room[];
  presenceIn(room: Room): { readonly clients: number; readonly users: readonly RosterEntry[] };
  online(): string[];
}

export function createStatedPresence(): StatedPresence {
  const rooms = new Map<string, { room: Room; clients: number; users: Map<string, RosterEntry> }>();
  const online = new Set<string>();

  function recount(room: Room, clients: number): void {
    const stated = rooms.get(room.tag);
    if (!stated) return;
    stated.clients = clients;
    if (clients === 0 && stated.users.size === 0) rooms.delete(room.tag);
  }

  return {
    enter: (room, user, clients) => {
      const stated = rooms.get(room.tag) ?? { room, clients, users: new Map() };
      stated.clients = clients;
      stated.users.set(user.userId, user);
      rooms.set(room.tag, stated);
    },
    exit: (room, userId, clients) => {
      rooms.get(room.tag)?.users.delete(userId);
      recount(room, clients);
    },
    recount,
    setOnline: (userId, isOnline) => {
      if (isOnline) online.add(userId);
      else online.delete(userId);
    },
    holds: (room) => rooms.has(room.tag),
    rooms: () => [...rooms.values()].map(({ room }) => room),
    presenceIn: (room) => {
      const stated = rooms.get(room.tag);
      return { clients: stated?.clients ?? 0, users: [...(stated?.users.values() ?? [])] };
    },
    online: () => [...online],
  };
}

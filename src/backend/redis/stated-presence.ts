import type { Room } from '../../chat/room.ts';
import type { RosterEntry } from '../../chat/store.ts';

/** What this worker last told the roster, kept to tell it again when the store no longer knows it. */
export interface StatedPresence {
  enter(room: Room, user: RosterEntry, clients: number): void;
  exit(room: Room, userId: string, clients: number): void;
  recount(room: Room, clients: number): void;
  setConnections(inbox: Room, connections: number): void;
  holds(room: Room): boolean;
  rooms(): Room[];
  presenceIn(room: Room): { readonly clients: number; readonly users: readonly RosterEntry[] };
  /** The inboxes of users who have connections, and how many. */
  inboxes(): Room[];
  connectionsOf(inbox: Room): number;
}

export function createStatedPresence(): StatedPresence {
  const rooms = new Map<string, { room: Room; clients: number; users: Map<string, RosterEntry> }>();
  const connected = new Map<string, { readonly inbox: Room; readonly connections: number }>();

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
    setConnections: (inbox, connections) => {
      if (connections > 0) connected.set(inbox.tag, { inbox, connections });
      else connected.delete(inbox.tag);
    },
    holds: (room) => rooms.has(room.tag),
    rooms: () => [...rooms.values()].map(({ room }) => room),
    presenceIn: (room) => {
      const stated = rooms.get(room.tag);
      return { clients: stated?.clients ?? 0, users: [...(stated?.users.values() ?? [])] };
    },
    inboxes: () => [...connected.values()].map(({ inbox }) => inbox),
    connectionsOf: (inbox) => connected.get(inbox.tag)?.connections ?? 0,
  };
}

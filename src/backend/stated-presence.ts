import type { Room } from '../chat/room.ts';
import type { RosterEntry } from '../chat/roster.ts';

/** A user as a boot said: with so many connections of their own there. */
export interface StatedUser extends RosterEntry {
  readonly own: number;
}

/** What this worker last told the roster, kept to tell it again when the store no longer knows it. */
export interface StatedPresence {
  /** Answers what takes it back, should the roster refuse it; what was said since then stays. */
  enter(room: Room, user: StatedUser, clients: number): () => void;
  exit(room: Room, userId: string, clients: number): void;
  recount(room: Room, clients: number): void;
  setConnections(inbox: Room, connections: number): void;
  holds(room: Room): boolean;
  rooms(): Room[];
  usersIn(room: Room): readonly StatedUser[];
  /** Undefined: the user was never stated there, or has left. */
  userIn(room: Room, userId: string): { readonly user: StatedUser; readonly clients: number } | undefined;
  /** The inboxes of users who have connections, and how many. */
  inboxes(): Room[];
  connectionsOf(inbox: Room): number;
}

export function createStatedPresence(): StatedPresence {
  const rooms = new Map<string, { room: Room; clients: number; users: Map<string, StatedUser> }>();
  const connected = new Map<string, { readonly inbox: Room; readonly connections: number }>();

  function recount(room: Room, clients: number): void {
    const stated = rooms.get(room.tag);
    if (!stated) return;
    stated.clients = clients;
    if (clients === 0 && stated.users.size === 0) rooms.delete(room.tag);
  }

  return {
    enter: (room, user, clients) => {
      const stated = rooms.get(room.tag) ?? { room, clients: 0, users: new Map() };
      const { clients: clientsBefore } = stated;
      const before = stated.users.get(user.userId);
      stated.clients = clients;
      stated.users.set(user.userId, user);
      rooms.set(room.tag, stated);
      return () => {
        if (rooms.get(room.tag) !== stated) return;
        if (stated.users.get(user.userId) === user) {
          if (before) stated.users.set(user.userId, before);
          else stated.users.delete(user.userId);
        }
        recount(room, stated.clients === clients ? clientsBefore : stated.clients);
      };
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
    usersIn: (room) => [...(rooms.get(room.tag)?.users.values() ?? [])],
    userIn: (room, userId) => {
      const stated = rooms.get(room.tag);
      const user = stated?.users.get(userId);
      return stated && user && { user, clients: stated.clients };
    },
    inboxes: () => [...connected.values()].map(({ inbox }) => inbox),
    connectionsOf: (inbox) => connected.get(inbox.tag)?.connections ?? 0,
  };
}

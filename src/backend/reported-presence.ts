import type { Room } from '../chat/room.ts';
import type { RosterEntry } from '../chat/roster.ts';
import type { Sized } from '../sizes.ts';

/** A user as one instance reported them, with the number of their connections there. */
export interface ReportedUser extends RosterEntry {
  readonly own: number;
}

/** The presence this worker last reported to the roster, kept so that it can be reported again after the store lost it. */
export interface ReportedPresence {
  /** Returns an undo for the case that the roster refuses; it keeps whatever was reported since. */
  enter(room: Room, user: ReportedUser, clients: number): () => void;
  /** The roster accepted the user, so the members know of them. It holds until the user leaves. */
  accepted(room: Room, userId: string): void;
  isAccepted(room: Room, userId: string): boolean;
  /** Returns whether the roster accepted anybody in the room who is still there. */
  hasAccepted(room: Room): boolean;
  exit(room: Room, userId: string, clients: number): void;
  setClients(room: Room, clients: number): void;
  setConnections(inbox: Room, connections: number): void;
  has(room: Room): boolean;
  /** The connections that were reported for the room. */
  clientsIn(room: Room): number;
  rooms(): Room[];
  usersIn(room: Room): readonly ReportedUser[];
  /** Undefined if the user was never reported there, or has left. */
  userIn(room: Room, userId: string): { readonly user: ReportedUser; readonly clients: number } | undefined;
  /** The inboxes of users who have connections. */
  inboxes(): Room[];
  connectionsOf(inbox: Room): number;
}

interface ReportedRoom {
  readonly room: Room;
  clients: number;
  readonly users: Map<string, ReportedUser>;
  readonly accepted: Set<string>;
}

export function createReportedPresence(): ReportedPresence & Sized {
  const rooms = new Map<string, ReportedRoom>();
  const connected = new Map<string, { readonly inbox: Room; readonly connections: number }>();

  function setClients(room: Room, clients: number): void {
    const reported = rooms.get(room.tag);
    if (!reported) return;
    reported.clients = clients;
    if (clients === 0 && reported.users.size === 0) rooms.delete(room.tag);
  }

  return {
    sizes: () => ({ rooms: rooms.size, connected: connected.size }),
    enter: (room, user, clients) => {
      const reported = rooms.get(room.tag) ?? { room, clients: 0, users: new Map(), accepted: new Set() };
      const { clients: clientsBefore } = reported;
      const before = reported.users.get(user.userId);
      reported.clients = clients;
      reported.users.set(user.userId, user);
      rooms.set(room.tag, reported);
      return () => {
        if (rooms.get(room.tag) !== reported) return;
        if (reported.users.get(user.userId) === user) {
          if (before) reported.users.set(user.userId, before);
          else reported.users.delete(user.userId);
        }
        setClients(room, reported.clients === clients ? clientsBefore : reported.clients);
      };
    },
    accepted: (room, userId) => {
      const reported = rooms.get(room.tag);
      if (reported?.users.has(userId)) reported.accepted.add(userId);
    },
    isAccepted: (room, userId) => rooms.get(room.tag)?.accepted.has(userId) ?? false,
    hasAccepted: (room) => (rooms.get(room.tag)?.accepted.size ?? 0) > 0,
    exit: (room, userId, clients) => {
      const reported = rooms.get(room.tag);
      reported?.users.delete(userId);
      reported?.accepted.delete(userId);
      setClients(room, clients);
    },
    setClients,
    setConnections: (inbox, connections) => {
      if (connections > 0) connected.set(inbox.tag, { inbox, connections });
      else connected.delete(inbox.tag);
    },
    has: (room) => rooms.has(room.tag),
    clientsIn: (room) => rooms.get(room.tag)?.clients ?? 0,
    rooms: () => [...rooms.values()].map(({ room }) => room),
    usersIn: (room) => [...(rooms.get(room.tag)?.users.values() ?? [])],
    userIn: (room, userId) => {
      const reported = rooms.get(room.tag);
      const user = reported?.users.get(userId);
      return reported && user && { user, clients: reported.clients };
    },
    inboxes: () => [...connected.values()].map(({ inbox }) => inbox),
    connectionsOf: (inbox) => connected.get(inbox.tag)?.connections ?? 0,
  };
}

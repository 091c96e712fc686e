import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

export interface RosterCount {
  readonly users: number;
  readonly clients: number;
}

export interface RosterEntry {
  readonly userId: string;
  readonly username: string;
  readonly avatar?: string;
}

export interface RosterMember extends RosterEntry {
  /** Connections in the room, on all instances that count. */
  readonly clients: number;
  /** `doubtful`: every instance that has the user is dead or has sent no heartbeat for `ROSTER_DOUBT_MS`. */
  readonly state: 'online' | 'doubtful';
  /** The last heartbeat of the instances that have the user, ms by the store's clock. */
  readonly seenAt: number;
}

/**
 * Who is where, cluster-wide. Every call that writes states what is now true of one worker process (`instanceId`), so it
 * may be repeated; what a dead instance left is taken out by `reap`. Every read is one bounded round of queries: no
 * worker is ever asked.
 */
export interface Roster {
  /**
   * The user is in the room on this instance: with `own` connections, of the `clients` that it has there. `changed`: was
   * in it nowhere before. `forbidden` for a banned user, `limit` when it would bring the room over MAX_ROOM_CLIENTS:
   * then nothing changed.
   */
  enter(
    room: Room,
    user: RosterEntry,
    own: number,
    clients: number,
  ): Promise<Outcome<RosterCount & { changed: boolean }>>;
  /** The user is no longer in the room on this instance. `changed`: and nowhere else either. */
  exit(room: Room, userId: string, clients: number): Promise<Outcome<RosterCount & { changed: boolean }>>;
  /** This instance has that many connections in the room, nobody's presence changed. */
  setClients(room: Room, clients: number): Promise<Outcome<RosterCount>>;
  count(room: Room): Promise<Outcome<RosterCount & { rev: number }>>;
  /** Ids of at most `limit` users who go by exactly this name in the room. Its cost does not grow with the room. */
  findByUsername(room: Room, username: string, limit: number): Promise<Outcome<readonly string[]>>;
  /** Whether the user is in one of these rooms, in one round trip. */
  isInAny(rooms: readonly Room[], userId: string): Promise<Outcome<boolean>>;
  /** Whether an instance that counts has the user in the room: not what a dead one left, which may be told as there for a while. */
  isOnlineIn(room: Room, userId: string): Promise<Outcome<boolean>>;
  /** Who is in the room, by user id; those after `after`. `next`: there are more, and this is where to go on. */
  members(room: Room, page: RosterPage): Promise<Outcome<RosterMembersPage>>;
  /** Rooms of kind `room` somebody is in, by roomid. */
  rooms(nsp: string, page: RosterPage): Promise<Outcome<{ rooms: readonly ListedRoom[]; next?: string }>>;
  /** The user of that inbox has that many connections on this instance. */
  setConnections(inbox: Room, connections: number): Promise<Outcome<void>>;
  /** How many connections each user has on all living instances, in the order asked, in one round trip. */
  connections(inboxes: readonly Room[]): Promise<Outcome<readonly number[]>>;
  /**
   * Of the whole cluster and all namespaces: different user ids and all connections. Never a user without a
   * connection, nor connections of nobody. May be a second old, or older the more users there are, so that asking
   * every second costs the store next to nothing.
   */
  totals(): Promise<Outcome<RosterCount>>;
  /** That worker process is dead: it counts nowhere from now on, whatever its lease says. `reap` follows later. */
  fence(instanceId: string): Promise<Outcome<void>>;
  /**
   * Extends this instance's lease and reports its connections. To be called every `ROSTER_HEARTBEAT_MS`. An instance
   * that was taken for dead meanwhile, frozen or cut off, states all it holds anew.
   */
  heartbeat(clients: number): Promise<Outcome<void>>;
  /** Told of users who are in the room again because of that, and were in it nowhere meanwhile. */
  onReturned(listener: (room: Room, user: RosterEntry, clients: number) => void): void;
  /** Takes a dead instance out, answering who is now gone from which room. Each departure is answered once cluster-wide. */
  reap(instanceId: string): Promise<Outcome<readonly Departure[]>>;
  /** Instances that have sent no heartbeat for `ROSTER_LEASE_MS`. */
  expired(): Promise<Outcome<readonly string[]>>;
}

export interface RosterMembersPage {
  /** Of the change told last before the page was read, 0: none was; what is gathered meanwhile may be in the page. */
  readonly rev: number;
  readonly members: readonly RosterMember[];
  readonly next?: string;
}

export interface RosterPage {
  readonly after?: string;
  readonly limit: number;
}

export interface ListedRoom extends RosterCount {
  readonly roomid: string;
}

export interface Departure {
  readonly room: Room;
  readonly user: RosterEntry;
  /** Connections left in the room. */
  readonly clients: number;
}

/**
 * What the roster tells the members of a room, everywhere the same and in this order, at most once a second: who came
 * (or goes by another name) and who went since the last time, or in a room of more than `MAX_TOLD_CLIENTS` how many
 * there are. `rev` rises by 1, and by more where names were left out.
 */
export type PresenceChange =
  | { readonly rev: number; readonly joins: readonly RosterEntry[]; readonly leaves: readonly RosterEntry[] }
  | ({ readonly rev: number } & RosterCount);

/** Told at once, in a room that is not large, of a user who came or went. */
export interface PresenceEvent {
  readonly event: 'join' | 'broadcast_quit';
  readonly user: RosterEntry;
}

export const ROSTER_HEARTBEAT_MS = 2_000;
/** With the time until somebody looks it makes less than 10 s from the death of a host to its people's leaving. */
export const ROSTER_LEASE_MS = 9_000;
/** So often every host looks for instances whose lease is over. */
export const ROSTER_LOOK_MS = 500;

/** Two and a half missed heartbeats. */
export const ROSTER_DOUBT_MS = 5_000;

export interface ClusterOverview {
  readonly hosts: number;
  readonly workers: number;
  readonly clients: number;
  readonly users: number;
  readonly rooms: number;
}

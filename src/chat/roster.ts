import type { Outcome } from '../protocol/codes.ts';
import type { PresentPerson } from '../protocol/people.ts';
import type { RoomMember } from '../protocol/rooms.ts';
import type { Room } from './room.ts';

export interface RosterCount {
  readonly users: number;
  readonly clients: number;
}

/** No roster stores or returns `confusable`: look-alikes.ts adds it. */
export type RosterEntry = PresentPerson;

/** `doubtful`: every instance that has the user is dead or has sent no heartbeat for `ROSTER_DOUBT_MS`. */
export type RosterMember = RoomMember;

/**
 * The room after an enter or exit. `changed`: the user joined or left it cluster-wide, and the caller announces that, unless
 * the roster has `announced` it. It is false where the roster announces it later.
 */
export interface RosterChange extends RosterCount {
  readonly changed: boolean;
  /** The instance had the user in the room already, before an enter. */
  readonly wasHere?: boolean;
  /** The roster published the departure in the step that made it true, so that no lost answer hides it. */
  readonly announced?: boolean;
}

/**
 * The cluster-wide registry of who is in which room and how many connections each user has.
 *
 * A write reports what is true now of one worker process, the instance. It MUST be idempotent: a caller that got no
 * answer repeats it. A write of an instance that was fenced MUST NOT make its users present again. A read MUST be one
 * bounded round of queries to the store and MUST NOT ask workers, so that no slow worker delays it.
 *
 * Read-your-writes: once a write is answered, a read by any worker sees its effect.
 */
export interface Roster {
  /**
   * Puts the user into the room on this instance, with `own` of the `clients` connections that the instance has there.
   * `changed`: the user was not in the room anywhere before; exactly one of several concurrent callers gets it. MUST
   * refuse a banned user with `forbidden`, and one that does not fit under MAX_ROOM_CLIENTS with `limit`; a refusal
   * MUST NOT change anything. The first connection here of a user who is in the room on another instance MUST fit: a
   * client that moves between workers is on both for a moment. It counts as one more connection, even if `clients` also
   * counts others that were refused meanwhile.
   */
  enter(room: Room, user: RosterEntry, own: number, clients: number): Promise<Outcome<RosterChange>>;
  /**
   * Removes the user from the room on this instance. `changed`: the user is in the room nowhere else either. `unannounced`: the
   * room was not told that the user joined. It is told now if the user is there on another instance, and hears of no departure
   * otherwise.
   */
  exit(room: Room, userId: string, clients: number, unannounced?: boolean): Promise<Outcome<RosterChange>>;
  /** Sets how many connections this instance has in the room. MUST NOT change anybody's presence. */
  setClients(room: Room, clients: number): Promise<Outcome<RosterCount>>;
  count(room: Room): Promise<Outcome<RosterCount & { rev: number }>>;
  /** Returns the ids of at most `limit` users with exactly this name. The cost MUST NOT grow with the room. */
  findByUsername(room: Room, username: string, limit: number): Promise<Outcome<readonly string[]>>;
  /** Returns whether the user is in at least one of the rooms, in one round trip. */
  isInAny(rooms: readonly Room[], userId: string): Promise<Outcome<boolean>>;
  /** Returns whether a live instance has the user in the room. MUST ignore what a dead instance has left behind. */
  isOnlineIn(room: Room, userId: string): Promise<Outcome<boolean>>;
  /** Lists the members by user id, beginning after `after`. `next`: the page is not the last; continue after this id. */
  members(room: Room, page: RosterPage): Promise<Outcome<RosterMembersPage>>;
  /** Lists the rooms of kind `room` that have members, by roomid. */
  rooms(nsp: string, page: RosterPage): Promise<Outcome<{ rooms: readonly ListedRoom[]; next?: string }>>;
  /** Sets how many connections the owner of the inbox has on this instance. */
  setConnections(inbox: Room, connections: number): Promise<Outcome<void>>;
  /** Returns each user's connections on all live instances, in the order asked, in one round trip. */
  connections(inboxes: readonly Room[]): Promise<Outcome<readonly number[]>>;
  /**
   * Counts the distinct user ids and the connections of the whole cluster, all namespaces together. MUST NOT count a
   * user without a connection, nor a connection without a user. The answer may be a second old, or older the more
   * users there are, so that asking every second costs the store next to nothing.
   */
  totals(): Promise<Outcome<RosterCount>>;
  /** Declares a worker process dead: it counts nowhere from now on, even while its lease runs. `reap` follows later. */
  fence(instanceId: string): Promise<Outcome<void>>;
  /**
   * Extends this instance's lease and reports its connections; the caller MUST call it every `ROSTER_HEARTBEAT_MS`. If
   * the instance was fenced or its lease ran out, because it was frozen or cut off, or if the store lost its data, the
   * roster MUST report the whole presence of the instance again.
   */
  heartbeat(clients: number): Promise<Outcome<void>>;
  /**
   * Calls the listener for each user who is in the room again through such a repeated report, whom the room saw quit. A roster
   * whose store lost its data publishes itself who came and left meanwhile: users who were in the room before and after a loss
   * MUST NOT be announced; others MUST be, exactly once, `ROSTER_SETTLE_MS` after the instances have reported again.
   *
   * Three exceptions follow from what a store that lost everything cannot know. Nobody announces the departure of a user
   * whose instance dies between the loss and its report; the change that the room publishes then skips a `rev`, so whoever
   * keeps the list of names fetches it. A user is announced as joined whose instance needs longer for its report than the
   * room waits, since the departure may have been announced. A departure is announced twice if its answer was lost just
   * before the store was.
   */
  onReturn(listener: (room: Room, user: RosterEntry, clients: number) => void): void;
  /**
   * Removes everything a dead instance has left and returns who is now gone from which room. MUST return each departure
   * to exactly one caller in the cluster.
   */
  reap(instanceId: string): Promise<Outcome<readonly Departure[]>>;
  /** Returns the instances that have sent no heartbeat for `ROSTER_LEASE_MS`. */
  expired(): Promise<Outcome<readonly string[]>>;
}

export interface RosterMembersPage {
  /** The number of the last published change before the page was read, 0 if there was none. A later one may be in the page. */
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
  /** As in `RosterChange`. */
  readonly announced?: boolean;
}

/**
 * A change that the roster publishes to the members of a room, on all workers the same and in the same order, at most
 * once a second: who joined (or has a new name) and who left since the last one, or only the counts in a room of more
 * than `LARGE_ROOM_CLIENTS`. `rev` rises by 1, and by more where names were left out.
 */
export type PresenceChange =
  | { readonly rev: number; readonly joins: readonly RosterEntry[]; readonly leaves: readonly RosterEntry[] }
  | ({ readonly rev: number } & RosterCount);

/** A user joined or left: published at once, but not in a large room. */
export interface PresenceEvent {
  readonly event: 'join' | 'broadcast_quit';
  readonly user: RosterEntry;
}

export const ROSTER_HEARTBEAT_MS = 2_000;
/** Together with ROSTER_REAP_CHECK_MS it keeps the time from the death of a host to the departure of its users under 10 s. */
export const ROSTER_LEASE_MS = 9_000;
/** The interval at which every host checks for expired leases. */
export const ROSTER_REAP_CHECK_MS = 500;

/** After an instance has reported again, because the store lost its data, the others are done at most this much later. */
export const ROSTER_SETTLE_MS = 5_000;

/** Two and a half missed heartbeats. */
export const ROSTER_DOUBT_MS = 5_000;

/** A host, as the cluster's registry counts it. */
export interface HostOverview {
  readonly name: string;
  readonly workers: number;
  readonly clients: number;
}

export interface ClusterOverview {
  readonly hosts: number;
  readonly workers: number;
  readonly clients: number;
  readonly users: number;
  readonly rooms: number;
}

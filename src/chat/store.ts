import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

/** A message before the store numbered it. */
export interface Draft {
  /** Unique, made by the server. */
  readonly id: string;
  /**
   * The members of the message's JSON object that the sender's worker knows, without braces. The store
   * puts `"seq":…,"epoch":"…","id":"…","at":…,` before them, so that a position is read without a parse.
   */
  readonly members: string;
  /** Remembers `clientMsgId` per scope (a user) for DEDUPE_TTL_S. */
  readonly dedupe?: { readonly scope: string; readonly clientMsgId: string };
  /** A socket that is not sent the live message: `echo: false`. */
  readonly except?: string;
}

export interface Appended {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  /** The answer of an earlier append with the same `clientMsgId`; nothing was stored or published. */
  readonly dup: boolean;
}

/** A stored message: the JSON text of the wire's `SaidMessage`, beside its position. */
export interface Entry {
  readonly epoch: string;
  readonly seq: number;
  readonly json: string;
  readonly except?: string;
}

/** Up to `upTo`, positions of `epoch` still mean the same entries; above it they were lost. */
export interface EpochLink {
  readonly epoch: string;
  readonly upTo: number;
}

export interface LogQuery {
  /** Entries below this seq, the newest of them. */
  readonly before?: number;
  /** Entries above this seq, the oldest of them. Neither: the newest entries. */
  readonly after?: number;
  readonly limit: number;
  /** The page ends at this many bytes of JSON, but holds at least one entry if there is one. */
  readonly maxBytes: number;
}

export interface LogPage {
  /** A room nothing was ever said in gets an epoch at its first read and keeps it. */
  readonly epoch: string;
  readonly top: number;
  readonly links: readonly EpochLink[];
  /** Oldest first, in the log's order. */
  readonly entries: readonly Entry[];
  /** Entries beyond this page, in the direction asked for, are still in the log. */
  readonly more: boolean;
  /** The oldest seq the log still holds; `top + 1` when it holds none. */
  readonly first: number;
}

/**
 * A room's append-only log.
 *
 * `append` stores, numbers and publishes in one atomic step: the order in the log is the order on the bus.
 * It answers only once the message is stored as durably as the store was set to, and within a bounded time;
 * a failure is `unavailable`, after which the message may or may not be stored: the same draft may be sent
 * again under the same `clientMsgId`. Appends of one caller to one room are stored in the order called,
 * also when not waited for.
 */
export interface RoomLogs {
  append(room: Room, draft: Draft): Promise<Outcome<Appended>>;
  /** One consistent look at the log. */
  read(room: Room, query: LogQuery): Promise<Outcome<LogPage>>;
  /** Where many logs end, in the order asked, in one round trip. A room the store knows nothing of: top 0, no epoch. */
  tops(rooms: readonly Room[]): Promise<Outcome<readonly Top[]>>;
}

export interface Top {
  readonly epoch?: string;
  readonly top: number;
}

export interface Subscription {
  /** Ends the hand-over at once; the store may learn of it later. */
  close(): void;
}

/**
 * Carries published entries to the workers that asked for the room.
 *
 * Once `subscribe` answered, every entry published later reaches `onEntry`, in the log's order and once,
 * as long as the link holds. Whenever it may not have held, `onResync` listeners are told after it is back:
 * who holds rooms must then compare them with the log.
 */
export interface RoomBus {
  subscribe(room: Room, onEntry: (entry: Entry) => void): Promise<Outcome<Subscription>>;
  onResync(listener: () => void): void;
  /** Publishes something to this worker alone and answers once it came back; a deaf bus is `unavailable`. */
  probe(): Promise<Outcome<void>>;
  /** Gives up the link that messages arrive on for a new one: it looks alive and is deaf. */
  redial(): void;
}

export interface RosterCount {
  readonly users: number;
  readonly clients: number;
}

export interface RosterEntry {
  readonly userId: string;
  readonly username: string;
  readonly avatar?: string;
}

/**
 * Who is where, cluster-wide. Every call states what is now true of one worker process (`boot`), so it may be
 * repeated; what a dead boot left is taken out by `sweep`.
 */
export interface Roster {
  /** The user is in the room on this boot, which has `clients` connections in it. `changed`: was in it nowhere before. */
  enter(room: Room, user: RosterEntry, clients: number): Promise<Outcome<RosterCount & { changed: boolean }>>;
  /** The user is no longer in the room on this boot. `changed`: and nowhere else either. */
  exit(room: Room, userId: string, clients: number): Promise<Outcome<RosterCount & { changed: boolean }>>;
  /** This boot has that many connections in the room, nobody's presence changed. */
  recount(room: Room, clients: number): Promise<Outcome<RosterCount>>;
  /** The user has a connection on this boot, or no longer has one. */
  setOnline(userId: string, online: boolean): Promise<Outcome<void>>;
  /** Proves that this boot lives and says how many connections it has. To be called every `ROSTER_RENEW_MS`. */
  renew(clients: number): Promise<Outcome<void>>;
  /** Takes a dead boot out, answering who is now gone from which room. Each departure is answered once cluster-wide. */
  sweep(boot: string): Promise<Outcome<readonly Departure[]>>;
  /** Boots that have not proved themselves for `ROSTER_LEASE_MS`. */
  expired(): Promise<Outcome<readonly string[]>>;
}

export interface Departure {
  readonly nsp: string;
  readonly roomid: string;
  readonly user: RosterEntry;
}

export const ROSTER_RENEW_MS = 2_000;
export const ROSTER_LEASE_MS = 10_000;

export interface Overview {
  readonly hosts: number;
  readonly workers: number;
  readonly clients: number;
  readonly users: number;
  readonly rooms: number;
}

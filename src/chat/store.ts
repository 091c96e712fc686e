import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

/** Where something stands in a log. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

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
  /** The user who says it: `forbidden`, with the time that is left, while banned from or muted in the room. */
  readonly author?: string;
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
  /**
   * A room nothing was ever said in gets an epoch at its first read and keeps it. Other logs nothing was ever put
   * in are `NO_EPOCH`: reading them stores nothing, for every guest has an inbox.
   */
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

export const NO_EPOCH = 'new';

/**
 * A room's append-only log; also an inbox's and the announcements', which keep INBOX_SIZE entries for INBOX_TTL_S.
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
  /**
   * Puts other members in the place of an entry's, as `Draft.members`; its position, id and time stay. False: the
   * log does not hold it (any more). Live followers are not told.
   */
  replace(room: Room, seq: number, members: string): Promise<Outcome<boolean>>;
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

export interface RosterMember extends RosterEntry {
  /** Connections in the room, on all boots that count. */
  readonly clients: number;
  /** `doubtful`: only boots have the user that missed proving themselves for `ROSTER_DOUBT_MS`, or are dead. */
  readonly state: 'online' | 'doubtful';
  /** When a boot that has the user last proved itself, ms by the store's clock. */
  readonly seenAt: number;
}

/**
 * Who is where, cluster-wide. Every call that writes states what is now true of one worker process (`boot`), so it
 * may be repeated; what a dead boot left is taken out by `sweep`. Every read is one bounded round of queries: no
 * worker is ever asked.
 */
export interface Roster {
  /**
   * The user is in the room on this boot: with `own` connections, of the `clients` that it has there. `changed`: was
   * in it nowhere before. `forbidden` for a banned user, `limit` when it would bring the room over MAX_ROOM_CLIENTS:
   * then nothing changed.
   */
  enter(
    room: Room,
    user: RosterEntry,
    own: number,
    clients: number,
  ): Promise<Outcome<RosterCount & { changed: boolean }>>;
  /** The user is no longer in the room on this boot. `changed`: and nowhere else either. */
  exit(room: Room, userId: string, clients: number): Promise<Outcome<RosterCount & { changed: boolean }>>;
  /** This boot has that many connections in the room, nobody's presence changed. */
  recount(room: Room, clients: number): Promise<Outcome<RosterCount>>;
  count(room: Room): Promise<Outcome<RosterCount>>;
  /** Ids of at most `limit` users who go by exactly this name in the room. Its cost does not grow with the room. */
  named(room: Room, username: string, limit: number): Promise<Outcome<readonly string[]>>;
  /** Who is in the room, by user id; those after `after`. `next`: there are more, and this is where to go on. */
  members(
    room: Room,
    page: RosterPage,
  ): Promise<Outcome<{ members: readonly RosterMember[]; next?: string }>>;
  /** Rooms of kind `room` somebody is in, by roomid. */
  rooms(nsp: string, page: RosterPage): Promise<Outcome<{ rooms: readonly ListedRoom[]; next?: string }>>;
  /** The user of that inbox has that many connections on this boot. */
  setConnections(inbox: Room, connections: number): Promise<Outcome<void>>;
  /** How many connections each user has on all living boots, in the order asked, in one round trip. */
  connections(inboxes: readonly Room[]): Promise<Outcome<readonly number[]>>;
  /**
   * Of the whole cluster and all namespaces: different user ids and all connections. May be a second old, or older
   * the more users there are, so that asking every second costs the store next to nothing.
   */
  totals(): Promise<Outcome<RosterCount>>;
  /** That worker process is dead: it counts nowhere from now on, whatever its lease says. `sweep` follows later. */
  bury(boot: string): Promise<Outcome<void>>;
  /** Proves that this boot lives and says how many connections it has. To be called every `ROSTER_RENEW_MS`. */
  renew(clients: number): Promise<Outcome<void>>;
  /** Takes a dead boot out, answering who is now gone from which room. Each departure is answered once cluster-wide. */
  sweep(boot: string): Promise<Outcome<readonly Departure[]>>;
  /** Boots that have not proved themselves for `ROSTER_LEASE_MS`. */
  expired(): Promise<Outcome<readonly string[]>>;
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
}

export const ROSTER_RENEW_MS = 2_000;
export const ROSTER_LEASE_MS = 10_000;
/** Two proofs and a half were missed. */
export const ROSTER_DOUBT_MS = 5_000;

export interface Overview {
  readonly hosts: number;
  readonly workers: number;
  readonly clients: number;
  readonly users: number;
  readonly rooms: number;
}

/** How far a user is with the inbox. Marks only rise; 0: nothing yet. `read` ≤ `recv` ≤ the inbox's end. */
export interface Marks {
  /** A device of theirs has everything up to here. */
  readonly recv: number;
  /** They have read everything up to here. */
  readonly read: number;
  /** Announcements up to this position of the news were put in. Absent: none yet. */
  readonly news?: Position;
}

export interface RaisedMarks {
  /** Written to one of the user's connections. */
  readonly sent?: number;
  readonly recv?: number;
  readonly read?: number;
}

/** When an item was first covered by a mark, ms by the store's clock; absent: not yet. */
export interface Progress {
  readonly sentAt?: number;
  readonly recvAt?: number;
  readonly readAt?: number;
}

/** What is kept of a user's inbox beside its log, for as long as the log's numbers. */
export interface InboxMarks {
  marks(inbox: Room): Promise<Outcome<Marks>>;
  /** `read` raises `recv` along. A seq below its mark changes nothing, one beyond the inbox's end counts as its end. */
  raise(inbox: Room, to: RaisedMarks): Promise<Outcome<Marks>>;
  /**
   * Appends as `RoomLogs.append` does and moves the mark `news` from `was` to `becomes`, in one step. If the mark is
   * not `was` any more somebody else put that announcement in: nothing is stored, and the answer is false.
   */
  fold(
    inbox: Room,
    draft: Draft,
    news: { readonly was: Position | undefined; readonly becomes: Position },
  ): Promise<Outcome<boolean>>;
  /** Forgets the inbox: items, marks, visits, and which `clientMsgId`s it knew. A new epoch begins with the next item. */
  erase(inbox: Room): Promise<Outcome<void>>;
  /** In the order asked, in one round trip. Exact for the newest 200 steps of each mark, later than true before. */
  progress(
    items: readonly { readonly inbox: Room; readonly seq: number }[],
  ): Promise<Outcome<readonly Progress[]>>;
}

/** Where a push stands in whose inbox. */
export interface PushPlaces {
  readonly nsp: string;
  readonly places: readonly { readonly userId: string; readonly seq: number; readonly at: number }[];
}

/** What is kept of a push for its sender. */
export interface Pushes {
  /**
   * The id that the push under this key has: `id`, or the one claimed first within DEDUPE_TTL_S. `same`: it was
   * claimed with this fingerprint of its content.
   */
  claim(key: string, fingerprint: string, id: string): Promise<Outcome<{ id: string; same: boolean }>>;
  /** Adds places, kept for INBOX_TTL_S. May be repeated. */
  keep(id: string, places: PushPlaces): Promise<Outcome<void>>;
  find(id: string): Promise<Outcome<PushPlaces | undefined>>;
}

export type Restriction = 'ban' | 'mute';

/** ms by the store's clock; without `until` it holds until it is lifted. */
export interface Restricted {
  readonly until?: number;
}

/** Who may not be in a room, or say something there. Checked by the store itself, in `enter` and `append`. */
export interface Moderation {
  /** Takes the place of an earlier one of its kind. Without `seconds` for good. */
  restrict(room: Room, userId: string, kind: Restriction, seconds?: number): Promise<Outcome<Restricted>>;
  /** False: there was none. */
  lift(room: Room, userId: string, kind: Restriction): Promise<Outcome<boolean>>;
  restrictions(
    room: Room,
    userId: string,
  ): Promise<Outcome<{ readonly ban?: Restricted; readonly mute?: Restricted }>>;
}

/** A room a user has joined and not left, and how far they have read it. */
export interface VisitedRoom {
  readonly roomid: string;
  readonly read: number;
}

/** Which rooms a user goes to, by inbox; kept like its marks. */
export interface RoomVisits {
  /** The user has joined the room, or left it for good: then its mark is forgotten. */
  visit(inbox: Room, roomid: string, joined: boolean): Promise<Outcome<void>>;
  /** Raises the mark, never lowers it; also of a room that was not visited. Answers where it stands. */
  read(inbox: Room, roomid: string, seq: number): Promise<Outcome<number>>;
  /** At most the 1,000 that were joined or read last. */
  visited(inbox: Room): Promise<Outcome<readonly VisitedRoom[]>>;
}

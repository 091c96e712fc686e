import type { Outcome } from '../protocol/codes.ts';
import type { DedupeKey } from './dedupe.ts';
import type { Room } from './room.ts';
import type { PresenceChange, PresenceEvent } from './roster.ts';

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
  /** Remembers `clientMsgId` per scope for DEDUPE_TTL_S. */
  readonly dedupe?: DedupeKey | undefined;
  /** A socket that is not sent the live message: `echo: false`. */
  readonly except?: string | undefined;
  /** The user who says it: `forbidden`, with the time that is left, while banned from or muted in the room. */
  readonly author?: string | undefined;
  /** Has read the log up to this message, having said it: the tag of the user's inbox. */
  readonly reader?: string | undefined;
}

export interface Appended {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  /** The answer of an earlier append with the same `clientMsgId`; nothing was stored or published. */
  readonly dup: boolean;
}

/** What became of an entry that others were to take the place of. */
export interface Replaced {
  /** The notice as it was stored; absent when the entry had these members already, and nothing was done. */
  readonly notice?: Appended;
}

/** A stored entry: the JSON text of the wire's `RoomEntry`, beside its position. */
export interface Entry {
  readonly epoch: string;
  readonly seq: number;
  readonly json: string;
  /** The same bytes as they came over the bus: handed on without being decoded. */
  readonly utf8?: Buffer;
  readonly except?: string;
}

/** Up to `upTo`, positions of `epoch` still mean the same entries; above it they were lost. */
export interface PreviousEpoch {
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
  readonly previousEpochs: readonly PreviousEpoch[];
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
 * again under the same `clientMsgId`. That id with another content is `bad_request`. Appends of one caller to one room are stored in the order called,
 * also when not waited for.
 */
export interface RoomLogs {
  append(room: Room, draft: Draft): Promise<Outcome<Appended>>;
  /** One consistent look at the log. */
  read(room: Room, query: LogQuery): Promise<Outcome<LogPage>>;
  /**
   * Puts other members in the place of an entry's, as `Draft.members`; its position, id and time stay. In the same
   * atomic step `notice` is appended and published like any entry: whoever reads the log finds both or neither, and
   * whoever follows it learns of the one by the other. An entry that has these members already gets no second notice.
   * Undefined: the log does not hold it (any more).
   */
  replace(room: Room, seq: number, members: string, notice?: Draft): Promise<Outcome<Replaced | undefined>>;
  /** Where many logs end, in the order asked, in one round trip. A room the store knows nothing of: top 0, no epoch. */
  tops(rooms: readonly Room[]): Promise<Outcome<readonly LogTop[]>>;
  /**
   * How much of many logs is unread, in the order asked, in few round trips and at a cost that does not grow with the logs:
   * the entries above the mark that are still there, but for notices and what took another's place by `replace`. A
   * reader's own messages are not above it, for the newest of them moves it.
   */
  unread(asked: readonly UnreadQuery[]): Promise<Outcome<readonly UnreadCount[]>>;
}

export interface LogTop {
  readonly epoch?: string;
  readonly top: number;
}

export interface UnreadQuery {
  readonly room: Room;
  readonly reader?: string | undefined;
  readonly read: number;
}

export interface UnreadCount {
  readonly top: number;
  /** As asked, or up to the reader's newest own message if that is further. */
  readonly read: number;
  readonly unread: number;
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
  subscribe(
    room: Room,
    onEntry: (entry: Entry) => void,
    /** What the roster tells of the room meanwhile; what is lost with the link shows as a jump of `rev`. */
    onPresence?: (told: PresenceChange | PresenceEvent) => void,
  ): Promise<Outcome<Subscription>>;
  /** Tells everybody who follows the room, this worker too. */
  notify(room: Room, move: PresenceEvent): Promise<Outcome<void>>;
  onResync(listener: () => void): void;
  /** Publishes something to this worker alone and answers once it came back; a deaf bus is `unavailable`. */
  probe(): Promise<Outcome<void>>;
  /** Gives up the link that messages arrive on for a new one: it looks alive and is deaf. */
  reconnect(): void;
}

import type { Outcome } from '../protocol/codes.ts';
import type { DedupeKey } from './dedupe.ts';
import type { Room } from './room.ts';
import type { PresenceChange, PresenceEvent } from './roster.ts';

/**
 * A place in a log. `seq` alone does not name it: a store can lose its newest entries.
 *
 * Example: a room is at seq 100, and Redis fails over to a replica that has only 90 of its messages. The next message
 * gets seq 91. A client that saw the lost 91 to 100 and resumes with "after 100" would miss the new 91 to 100 and never
 * know. So whenever the store may have lost something, the log begins a new epoch, and each page lists up to where the
 * epochs before it still hold. The client resumes with {epoch: old, seq: 100}, the server sees that the old epoch holds
 * up to 90 only, and answers `recovered: false` with the newest page.
 */
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
  /** The socket that does not get the live message: its sender asked for `echo: false`. */
  readonly except?: string | undefined;
  /**
   * The sender. If that user is banned or muted in the room, the append is `forbidden`, with the time left. So it is if the
   * owner of the inbox has blocked that user, see blocks.ts.
   */
  readonly author?: string | undefined;
  /** The tag of the sender's inbox: a sender has read the log up to the own message. */
  readonly reader?: string | undefined;
  /**
   * A person puts it into somebody else's inbox: it is refused as `limit` beyond the bounds of an inbox that nobody has opened,
   * see unopened-inbox.ts. Any other item opens the inbox.
   */
  readonly bounded?: true | undefined;
}

export interface Appended {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  /** The answer of an earlier append with the same `clientMsgId`; nothing was stored or published. */
  readonly dup: boolean;
}

/** A change of a stored entry, which a notice announces. */
export interface Amendment {
  readonly seq: number;
  /** The new members of the entry, as `Draft.members`; undefined: those that are stored with it stay. */
  readonly members?: string | undefined;
  /**
   * Further members, which the store writes beside the entry, without writing the entry again; undefined: none from now on. The
   * member `revision` then stands there.
   */
  readonly beside?: string | undefined;
  /** The `entryDigest` of the entry from which the members were made. */
  readonly was: string;
  /**
   * The store adds the member `revision` to the entry, the seq of the notice; for `edited` also the member of that name,
   * the time and the seq of the notice.
   */
  readonly stamp?: 'edited' | 'revision' | undefined;
  /** Which of the two count as unread from now on: `entry` without its notice, `both`, or neither. */
  readonly counted?: 'entry' | 'both' | undefined;
  /** An earlier notice about the entry, whose content nobody may read any more, and the members that are left of it. */
  readonly superseded?: { readonly seq: number; readonly members: string } | undefined;
}

/** The result of a replacement. */
export interface Replaced {
  /** The stored notice; absent if the entry had these members already and nothing was done. */
  readonly notice?: Appended;
}

/** A stored entry: the JSON text of the wire's `RoomEntry`, beside its position. */
export interface Entry {
  readonly epoch: string;
  readonly seq: number;
  readonly json: string;
  /** The same bytes as they came over the bus, so that they are forwarded without being decoded. */
  readonly utf8?: Buffer;
  readonly except?: string;
  /** Some members stand beside the stored entry, see joined-entry.ts; `json` has them. */
  readonly hasBeside?: true;
}

/** Up to `upTo` the positions of this epoch still name the same entries; those above were lost. */
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
   * A room's log without entries gets an epoch at its first read and keeps it. Any other log without entries is
   * `NO_EPOCH`: reading it MUST NOT store anything, because every guest has an inbox.
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
  /** The mark of a reader was raised in this room, see room-readers.ts. */
  readonly hasMarks?: true;
}

export const NO_EPOCH = 'new';

/**
 * The append-only logs: of rooms, and of inboxes and announcements, which keep INBOX_SIZE entries for INBOX_TTL_S.
 *
 * `append` MUST store, number and publish in one atomic step, so that the order in the log is the order on the bus. It
 * MUST NOT answer before the message is as durable as the store is set to make it, and MUST answer within a bounded
 * time. `unavailable` leaves open whether the message is stored: the caller may repeat the draft with the same
 * `clientMsgId`, and MUST then get the first answer. The same id with other content is `bad_request`. Appends of one
 * caller to one room MUST be stored in the order called, even if the caller does not wait between them.
 */
export interface RoomLogs {
  append(room: Room, draft: Draft): Promise<Outcome<Appended>>;
  /** Reads one page; the answer MUST be one consistent snapshot of the log. */
  read(room: Room, query: LogQuery): Promise<Outcome<LogPage>>;
  /**
   * Replaces the members of an entry (as `Draft.members`); its position, id and time stay. In the same atomic step it
   * MUST append and publish `notice` like any entry, so that a reader finds both or neither. An entry that has these
   * members already MUST NOT get a second notice. Returns undefined if the log does not hold the entry.
   */
  replace(room: Room, seq: number, members: string, notice?: Draft): Promise<Outcome<Replaced | undefined>>;
  /**
   * Appends `notice` as `append` does, and replaces the members of the entry as `replace` does, in one atomic step.
   * Returns undefined and stores nothing if the log no longer holds the entry in the form that the caller read. The
   * store MUST compare and write in the same step, so that two callers who change one entry at once lose nothing: the
   * later one reads again.
   */
  amend(room: Room, amendment: Amendment, notice: Draft): Promise<Outcome<Appended | undefined>>;
  /**
   * Returns where each log ends, in the order asked, in one round trip: top 0 and no epoch for an unknown one, undefined for
   * one whose server does not answer. MUST refuse if none of them answers.
   */
  tops(rooms: readonly Room[]): Promise<Outcome<readonly (LogTop | undefined)[]>>;
  /**
   * Counts the unread entries of each log, in the order asked, in few round trips; the cost MUST NOT grow with the logs.
   * Notices and replaced entries do not count. A reader's own newest message moves the reader's marker, so own messages
   * do not count either.
   */
  unread(asked: readonly UnreadQuery[]): Promise<Outcome<readonly UnreadCount[]>>;
  /**
   * Returns the first answer to that `clientMsgId`; undefined if none is remembered. MUST NOT store anything. A key with
   * another content than the first is `bad_request`, as for `append`.
   */
  known(room: Room, key: DedupeKey): Promise<Outcome<KnownMessage | undefined>>;
}

/** A message that the store recognises; its entry may be gone from the log. */
export type KnownMessage = Omit<Appended, 'dup'>;

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
  /** The marker asked with, or the reader's newest own message if that is further. */
  readonly read: number;
  readonly unread: number;
}

export interface Subscription {
  /** Stops the delivery at once; the store may learn of it later. */
  close(): void;
}

/**
 * Brings published entries to the workers that subscribed to the room.
 *
 * After `subscribe` is answered, every entry published later MUST reach `onEntry`, in the log's order and exactly once,
 * as long as the connection to the bus lasts. After any interruption, however short, the bus MUST call the `onResync`
 * listeners once it delivers again; the subscribers then compare their rooms with the logs.
 */
export interface RoomBus {
  subscribe(
    room: Room,
    onEntry: (entry: Entry) => void,
    /** The roster's changes of the room. One that is lost shows as a jump of `rev`. */
    onPresence?: (change: PresenceChange | PresenceEvent) => void,
  ): Promise<Outcome<Subscription>>;
  /** Publishes a join or quit to all subscribers of the room, this worker included. */
  notify(room: Room, event: PresenceEvent): Promise<Outcome<void>>;
  onResync(listener: () => void): void;
  /** Sends this worker a message over the bus and answers once it is back; MUST answer `unavailable` if it is not. */
  probe(): Promise<Outcome<void>>;
  /** Replaces the connection that messages arrive on: it looks alive but delivers nothing. */
  reconnect(): void;
}

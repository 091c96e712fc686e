import type { ErrorCode } from './protocol/codes.ts';

/*
 * The trace of a message: what the store and every worker know of it, for `roomcast explain`. It never contains a text.
 *
 * Nothing is recorded for it. The store has the entry, each feed its position, and each membership where its live messages
 * began; the rest follows, because a member gets every entry after that, in order.
 */

/** Names a message by its id (the server's or the client's), or by its place in a room. */
export interface TraceQuery {
  /** Absent: the namespace that the HTTP API takes, too. */
  readonly nsp?: string;
  readonly id?: string;
  readonly roomid?: string;
  readonly seq?: number;
  /** The user whose connections, markers and inbox are of interest. */
  readonly userId?: string;
  /** The receiver of a private message. */
  readonly receiverId?: string;
}

/** An answer that the store knows nothing of: a refusal, or the repetition of a known `clientMsgId`. */
export interface RecentAnswer {
  /** Ms since 1970, by the worker's clock. */
  readonly at: number;
  readonly event: string;
  readonly clientMsgId: string;
  readonly nsp: string;
  /** Absent if the message was for no room. */
  readonly roomid?: string;
  /** Absent for a request of the HTTP API. */
  readonly userId?: string;
  readonly code?: ErrorCode;
  readonly retryAfterMs?: number;
  /** The repetition got this position as its answer. */
  readonly seq?: number;
}

/** The place that a message has or had. `roomid`: the user's id for an inbox. */
export interface TracedPosition {
  readonly nsp: string;
  readonly kind: 'room' | 'inbox';
  readonly roomid: string;
  readonly epoch: string;
  readonly seq: number;
  /** The user who sent it. */
  readonly author?: string;
  /** The socket that asked not to get it. */
  readonly except?: string;
  /** The store has lost it. */
  readonly lost?: true;
}

/**
 * `deleted`: the entry is there without its content. `trimmed`: it was stored and has left the log. `lost`: it was acknowledged,
 * and the store lost it. `never`: the log ends before it.
 */
export type StoredState = 'stored' | 'deleted' | 'trimmed' | 'lost' | 'never';

export interface TracedMessage extends TracedPosition {
  readonly state: StoredState;
  /** Unknown for a message that has left the log, unless its `clientMsgId` is still remembered. */
  readonly id?: string;
  readonly at?: number;
  readonly clientMsgId?: string;
  /** The entry's event, or the item's kind. */
  readonly event?: string;
  /** The first entry that its log still holds, `top + 1` if it holds none, and the last that it numbered. */
  readonly first: number;
  readonly top: number;
  readonly user?: UserTrace;
}

/** The store's knowledge of the user in question, with regard to one message. */
export interface UserTrace {
  readonly userId: string;
  /** On all workers. */
  readonly connections: number;
  /** From all rooms and the inbox, in all namespaces. */
  readonly bannedEverywhere?: boolean;
  /** The user's tokens from before that time are void, ms since 1970. A single token that is void is not found here. */
  readonly revokedBefore?: number;
  readonly inRoom?: boolean;
  readonly banned?: boolean;
  readonly muted?: boolean;
  /** The user has read the room up to here. */
  readonly readUpTo?: number;
  /** The times at which an item of the inbox was written to a connection, received by a device, and read; ms since 1970. */
  readonly sentAt?: number;
  readonly recvAt?: number;
  readonly readAt?: number;
}

export interface FoundMessages {
  /** Where they were looked for. */
  readonly nsp: string;
  readonly messages: readonly TracedMessage[];
  readonly searched?: Searched;
}

/** A search for an id. */
export interface Searched {
  readonly logs: number;
  /** No other log can have it. */
  readonly everyLog: boolean;
  /**
   * The user's messages were looked for in the records of `clientMsgId`s, too. Only they name a message that was deleted, or
   * has left its log, or is private.
   */
  readonly records: boolean;
}

/** The question to each worker. */
export interface DeliveryQuestion {
  readonly messages: readonly TracedPosition[];
  readonly nsp: string;
  /** Only answers of this room are of interest. */
  readonly roomid?: string;
  readonly id?: string;
  readonly userId?: string;
}

/**
 * The way by which a connection got the message, or the reason why it did not.
 *
 * - `written`: live. `gathered`: it will be, within FLUSH_WINDOW_MS. `behind`: the worker has not come so far in the room.
 * - `gap`: the log had lost it when the worker asked. `never_came`: the store lost it before the worker, or a page, had it.
 * - `page`, `resumed`: it joined later, and the page of its join had it; after `resumed` nothing was missing.
 * - `had`: it resumed from a position at or after the message. `before`: its page began after the message.
 * - `excepted`: it sent the message with `echo: false`. `not_joined`: it is not in the room. `unknown`: none of these is known.
 */
export type ConnectionOutcome =
  | 'written'
  | 'gathered'
  | 'behind'
  | 'gap'
  | 'never_came'
  | 'page'
  | 'resumed'
  | 'had'
  | 'before'
  | 'excepted'
  | 'not_joined'
  | 'unknown';

export interface ConnectionTrace {
  readonly clientId: string;
  readonly userId: string;
  readonly outcome: ConnectionOutcome;
  /** The room's newest entry when it joined. */
  readonly joinedAt?: number;
  /** The first entry of its page. */
  readonly first?: number;
  readonly resumedAfter?: number;
  /** Bytes that wait for the client to read them, whatever they are. */
  readonly waitingBytes: number;
  /** The newest message of its own in that epoch that was acknowledged, or 0; present on connections of the author. */
  readonly ackedUpTo?: number;
}

/** One worker's knowledge of one message. */
export interface DeliveryTrace {
  /** Connections here in the room, or of the inbox's user. */
  readonly connections: number;
  /** The worker has delivered the room up to here; absent if it does not follow the room. */
  readonly deliveredUpTo?: number;
  /** The message is among what it has delivered, or what its members got otherwise. */
  readonly passed: boolean;
  /** It never will be, for the reason that `ConnectionOutcome` gives. */
  readonly missed?: 'gap' | 'never_came';
  /** Connections that it was written to live. */
  readonly written: number;
  /** The first of the connections that it was not written to live. */
  readonly others: readonly ConnectionTrace[];
  /** The connections of the user in question. */
  readonly ofUser: readonly ConnectionTrace[];
  /** The connections of the author in the room. */
  readonly ofAuthor: readonly ConnectionTrace[];
}

export interface WorkerTrace {
  readonly host: string;
  readonly slot: number;
  readonly pid: number;
  readonly instanceId: string;
  /** In the order of the question's messages. */
  readonly deliveries: readonly DeliveryTrace[];
  readonly answers: readonly RecentAnswer[];
}

/** Workers that did not answer. */
export interface SilentWorkers {
  readonly host: string;
  /** A worker of this host; of another host only the number is known. */
  readonly slot?: number;
  readonly pid?: number;
  readonly workers: number;
  readonly reason: string;
}

export interface MessageTrace extends FoundMessages {
  readonly workers: readonly WorkerTrace[];
  readonly silent: readonly SilentWorkers[];
}

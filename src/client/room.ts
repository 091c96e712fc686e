import type { PayloadInput } from '../protocol/payloads.ts';
import type { Right } from '../protocol/rights.ts';
import type {
  DeletedMessage,
  EditedMessage,
  MemberPage,
  ModerationAction,
  Muted,
  PresenceCount,
  PresenceMessage,
  ReactedMessage,
  Reads,
  Removed,
  RoomGap,
  SayAck,
  Signal,
  Typing,
} from '../protocol/rooms.ts';
import type { CallOptions } from './call-options.ts';
import type { ClientError } from './client-error.ts';
import type { Draft, SayOptions } from './drafts.ts';
import type { Members } from './member-list.ts';
import type { JoinedRoom, ReceivedMessage, ReceivedPage } from './own-messages.ts';

/** `history` came with the first join, `replay` was missed while the client was away. */
export type MessageSource = 'live' | 'replay' | 'history';

export interface RoomEvents {
  /** A message, in the room's order and each once. Own ones have `mine`. */
  message: [message: ReceivedMessage, how: { readonly source: MessageSource }];
  /** Somebody came or left. A room of more than 200 connections has `count` instead. */
  presence: [presence: PresenceMessage];
  /** The number of users and connections here, at most once a second; `members` tells it of smaller rooms too. */
  count: [count: Pick<PresenceCount, 'users' | 'clients'>];
  /** Somebody began to type, or stopped, at the latest 6 s after the last sign of it. */
  typing: [typing: Typing];
  /** Users have read the room up to there, as `room.reads` says already; in a large room only their number is told. */
  reads: [reads: Reads];
  /** An application of another member sent a signal. */
  signal: [signal: Signal];
  /**
   * A message was edited; `ref` is its `seq`. The event has its own place in the room's order. `fold(message, edited)` is the
   * message's newest form, as a page read later has it.
   */
  edited: [edited: EditedMessage, how: { readonly source: MessageSource }];
  /** Somebody reacted to a message, or took the reaction back. As with `edited`, `fold` applies it. */
  reacted: [reacted: ReactedMessage, how: { readonly source: MessageSource }];
  /**
   * A message was deleted; `ref` is its `seq`. The event has its own place in the room's order. A page read later has the
   * message without its text and with `deleted`.
   */
  deleted: [deleted: DeletedMessage, how: { readonly source: MessageSource }];
  /**
   * Messages `from`…`to` are lost to this client. With `reason: 'epoch'` the store lost part of the room: messages already
   * shown under these numbers are no longer in it.
   */
  gap: [gap: RoomGap];
  /** The room is joined (again); its messages come by `message`. */
  joined: [joined: JoinedRoom];
  /** A message was stored, also one that the storage had from an earlier run. */
  sent: [said: SayAck, draft: Draft];
  /** A message failed, for the reasons that `say` rejects with. */
  failed: [error: ClientError, draft: Draft];
  /** This user may say nothing here, until the time given or for good. Nothing tells when a back end ends it. */
  muted: [muted: Muted];
  /** A new token changed what this user may do here. `joined` tells the rights of a join. */
  rights: [can: readonly Right[]];
  /** An operator took this user out of the room: `closed` or `refused` follows. */
  removed: [removed: Removed];
  /**
   * Only for a room of `enter`: this client is not in it although it is connected. With `retryInMs` it joins again by
   * itself after so long; without it the server refused for good or removed it, and it joins again after `reconnect`.
   */
  refused: [error: ClientError, retryInMs: number | undefined];
  /** Only for a room of `enter`: `unsent` changed. */
  unsent: [drafts: readonly Draft[]];
  /** The room is over for this client: left (no error), removed or refused. */
  closed: [error: ClientError | undefined];
}

export type MemberQuery = Pick<PayloadInput<'room:members'>, 'limit' | 'cursor'>;
export type HistoryQuery = Pick<PayloadInput<'room:history'>, 'before' | 'after' | 'limit'>;

/** An edit puts it in the place of a message's text, its data, or both. */
export interface Edit {
  readonly text?: string;
  /** Any JSON. */
  readonly data?: unknown;
  /** Generated when absent. The server stores a repeated one once. */
  readonly clientMsgId?: string;
}

/** A room this client is in, over all reconnects. */
export interface Room {
  readonly roomid: string;
  /** The latest answer to a join. */
  readonly joined: JoinedRoom;
  /** This user's rights here. Undefined before the first join, and with a server of an earlier release. */
  readonly can: readonly Right[] | undefined;
  /**
   * How far users have read, by user id: the newest `seq` that this client was told. It has no guests, and nobody whose marker
   * rose while the room had more than 200 connections. It is emptied when the room begins a new epoch.
   */
  readonly reads: ReadonlyMap<string, number>;
  /**
   * Returns a function that stops listening. Events before their first listener are stored for it: at most 1,000 each of
   * `message`, `presence`, `edited`, `deleted`, `reacted` and `gap`, and the newest `joined`.
   */
  on<E extends keyof RoomEvents>(event: E, listener: (...args: RoomEvents[E]) => void): () => void;
  /**
   * Resolves once the message is stored, after any number of reconnects; messages of one room stay in order. Rejects with a
   * `ClientError`: the server's refusal, `too_large`, `limit` (too many wait), `closed`, or `unknown`. An abort or a time-out
   * withdraws a message that was not sent yet; one that was sent goes on, and `sent` or `failed` tells its end.
   */
  say(text: string, options?: SayOptions): Promise<SayAck>;
  /**
   * This user has read everything up to `seq`: the others hear of it by `reads`. Resolves with the marker, which never falls.
   * Rejects with a `ClientError`, `unavailable` while not connected. A call with every message that is shown is too often:
   * one a second is enough.
   */
  read(seq: number, options?: CallOptions): Promise<number>;
  /**
   * Edits an own message. Resolves once the edit is stored, after any number of reconnects; the changes of a room stay in the
   * order called, and end with this client. Rejects with a `ClientError`: the server's refusal (`forbidden`, `not_found`,
   * `too_large`), `limit` (1,000 wait), `closed`, or `unknown`. An abort or a time-out withdraws a change that was not sent yet.
   */
  edit(seq: number, edit: Edit, options?: CallOptions): Promise<SayAck>;
  /** Deletes an own message; otherwise as `edit`. A repeated call answers as the first one did, with `dup`. */
  delete(seq: number, options?: CallOptions): Promise<SayAck>;
  /** Adds a reaction to a message, or takes it back with `on: false`; otherwise as `edit`. `limit`: it has too many. */
  react(seq: number, reaction: string, on?: boolean, options?: CallOptions): Promise<SayAck>;
  /**
   * Acts on another user of this room; needs the right `moderate`. `seconds`: the duration of a mute or a ban, for good if
   * absent. Resolves once it is in effect on all workers. Rejects with a `ClientError`: the server's refusal (`forbidden`;
   * `not_found` if there is nothing to undo), or `unavailable` when the client is not connected. It is safe to repeat.
   */
  moderate(
    action: ModerationAction,
    userId: string,
    seconds?: number,
    options?: CallOptions,
  ): Promise<{ readonly until?: number }>;
  /** A page of the log, oldest first. Rejects with a `ClientError`, `unavailable` while not connected. */
  history(query?: HistoryQuery, options?: CallOptions): Promise<ReceivedPage>;
  /**
   * Calls back with the members, now and on each change, at most about once a second; with their number only in a room of
   * more than 200 connections. Returns a function that stops it. It costs nothing while nobody listens.
   */
  members(listener: (members: Members) => void): () => void;
  /**
   * A page of the members, sorted by user id, of a room of any size: `cursor` is that of the page before. Rejects with a
   * `ClientError`, `unavailable` while not connected.
   */
  memberPage(query?: MemberQuery, options?: CallOptions): Promise<MemberPage>;
  /**
   * Sends a volatile event to the other connections in the room, or with `to` to those of that user: a pointer that moves, or
   * the set-up of a call. It is stored nowhere and sent once: who is away or reads too slowly does not get it. `data` is any
   * JSON of up to 4,096 bytes. Resolves when the server has sent it on; rejects with a `ClientError`, `unavailable` while not
   * in the room.
   */
  signal(name: string, data?: unknown, options?: CallOptions & { readonly to?: string }): Promise<void>;
  /** Call it with every key that is typed, and with false when the text was sent or given up. */
  typing(on: boolean): void;
  /**
   * Messages that are not sent yet fail as `closed`, and the storage forgets everything of the room. An abort or a time-out
   * undoes nothing.
   */
  leave(options?: CallOptions): Promise<void>;
}

/**
 * A room of `enter`, made for a screen: it is there before it is joined, and lasts until `leave`. When the server refuses
 * or removes this client, it waits outside and resumes where it was. Messages that failed stay in `unsent`, also in the
 * storage, until they are retried or discarded.
 */
export interface PersistentRoom extends Omit<Room, 'joined'> {
  /** The latest answer to a join; undefined before the first. */
  readonly joined: JoinedRoom | undefined;
  /** Messages that the room does not have yet, in the order written. Those with a `problem` are not sent by themselves. */
  readonly unsent: readonly Draft[];
  /**
   * Sends a failed message again under its `clientMsgId`, as whoever this client is now. After `unknown` the room may show
   * it twice. Rejects as `say` does, and with `not_found` when no such message failed. An abort or a time-out ends the wait
   * only: the message is sent all the same.
   */
  retry(clientMsgId: string, options?: CallOptions): Promise<SayAck>;
  /** Forgets a failed message. */
  discard(clientMsgId: string): void;
}

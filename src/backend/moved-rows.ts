import type { Entry, Position, PreviousEpoch } from '../chat/log-store.ts';
import type { Restriction } from '../chat/moderation.ts';
import type { RoomKind } from '../chat/room.ts';
import type { RoomSubscription } from '../chat/room-subscriptions.ts';
import type { Outcome } from '../protocol/codes.ts';

/*
 * The content of a store, in rows that depend on no store's layout: the embedded store lists them, and Redis takes them. A row
 * belongs to one log, inbox or other thing by `tag`; those of one tag are written in the order listed.
 */

interface Row {
  readonly tag: string;
  /** When the row disappears by itself, ms since 1970; absent if that depends on its use. */
  readonly endsAt?: number;
}

interface LogRow extends Row {
  readonly kind: RoomKind;
}

/** A marker of an inbox was raised to `seq` at that time. */
export type MarkerStep = readonly [seq: number, at: number];

/** The kinds of rows, in the order in which they are moved. */
export interface MovedRows {
  /** Generated once per store or cluster; never shown. */
  secrets: Row & { readonly tag: 'secret' | 'apiKey'; readonly value: string };
  logs: LogRow & {
    readonly epoch: string;
    readonly top: number;
    readonly at: number;
    readonly previousEpochs: readonly PreviousEpoch[];
    readonly hasMarks?: true;
  };
  /** Some entries of a log, oldest first. */
  entries: LogRow & { readonly entries: readonly Entry[] };
  /** Some entries of a log that do not count as unread. */
  uncounted: LogRow & { readonly seqs: readonly number[] };
  /** Some remembered `clientMsgId`s of a log, by their `dedupeHash`, that are forgotten together. */
  dedupe: Row & {
    /** The TTL period in which they were written. */
    readonly period: number;
    readonly answers: readonly (readonly [name: string, answer: DedupeAnswer])[];
  };
  markers: Row & {
    readonly sent: readonly MarkerStep[];
    readonly recv: readonly MarkerStep[];
    readonly read: readonly MarkerStep[];
    readonly announcements?: Position;
  };
  /** The rooms of an inbox's user. */
  subscriptions: Row & { readonly rooms: readonly RoomSubscription[] };
  /** The newest message that the user of an inbox has said or read in the room. */
  ownMessages: Row & { readonly inbox: string; readonly seq: number };
  /** The bans and mutes of a room. The user is known by `restrictionHash`. */
  restrictions: Row & {
    readonly held: readonly (readonly [kind: Restriction, user: string, until: number | undefined])[];
  };
  /** The users whom the user of an inbox has blocked, in the order of their ids. */
  blocks: Row & { readonly users: readonly string[] };
  /** A message whose mentions may be missing in inboxes. `tag`: its id. */
  mentions: Row & { readonly nsp: string; readonly roomid: string; readonly by: string; readonly at: number };
  /** `tag`: SHA-256 of the push's id, in base64url. */
  pushes: Row & {
    readonly nsp: string;
    readonly positions: readonly (readonly [userId: string, seq: number, at: number, epoch?: string])[];
  };
  /** `tag`: SHA-256 of the claimed key, in base64url. */
  claims: Row & {
    readonly id: string;
    readonly fingerprint: string;
    readonly answer?: string;
  };
}

export interface DedupeAnswer extends Position {
  readonly id: string;
  readonly at: number;
  readonly content?: string;
}

export type MovedKind = keyof MovedRows;

/** Lists the rows of each kind, each time in the same order. */
export type RowSource = { readonly [K in MovedKind]: () => Iterable<MovedRows[K]> };

/** A store that is being filled. */
export type RowTarget = { readonly [K in MovedKind]: RowTable<MovedRows[K]> };

export interface RowTable<R> {
  /** MAY be repeated: a call that was not answered may have been run. */
  write(row: R): Promise<Outcome<unknown>>;
  /** Returns what the store has in the place of a row that was written, in the same form. */
  read(row: R): Promise<Outcome<R>>;
}

import type { Appended, Entry } from '../../chat/log-store.ts';
import type { MentionNote } from '../../chat/mention-notes.ts';
import type { InboxMarkerRecord } from './inbox-markers.ts';
import type { LogMeta } from './log-meta.ts';
import type { Restrictions } from './restrictions.ts';
import type { RoomSubscriptionRecord } from './room-subscriptions.ts';

/** The first answer that was given to a `clientMsgId`. */
export interface DedupeRecord extends Omit<Appended, 'dup'> {
  /** Same as `Dedupe.content`. */
  readonly content?: string;
}

/** A write that a back end may send twice, see chat/idempotency.ts. */
export interface ClaimRecord {
  /** Names the operation. */
  readonly id: string;
  readonly fingerprint: string;
  readonly until: number;
  readonly running?: { readonly id: string; readonly until: number };
  readonly answer?: string;
}

/** The positions of a push in the inboxes. Arrays and no objects, since a user may be called `__proto__`. */
export interface PushRecord {
  readonly nsp: string;
  /** Earlier releases stored no epoch, and read the first three. */
  readonly places: readonly (readonly [userId: string, seq: number, at: number, epoch?: string])[];
  readonly until: number;
}

/** A user whom another one has blocked. */
export interface BlockRecord {
  readonly userId: string;
  readonly until?: number;
}

/** Entries of an erased log that may still be on disk, except those whose seq the next log has taken. */
export interface ErasedRange {
  readonly from: number;
  readonly to: number;
}

/** The state up to which a subject of webhooks was sent, and the time at which it was listed last. */
export interface HookStateRow {
  readonly state: string;
  readonly at: number;
}

/** The tables that a transaction reads and writes. */
export interface Rows {
  logMeta: LogMeta;
  inboxMarkers: InboxMarkerRecord;
  dedupe: DedupeRecord;
  claims: ClaimRecord;
  pushes: PushRecord;
  restrictions: Restrictions;
  /** By `blockKey`. A row each, because each item for the one who blocks looks for one of them. */
  blocks: BlockRecord;
  /** By the id of the message. */
  mentions: Omit<MentionNote, 'id'>;
  roomSubscriptions: RoomSubscriptionRecord;
  /** The seq of a user's newest own message in a room, by `ownMessageKey`: it counts as read. */
  said: number;
  /** Entries that do not count as unread. A row each: a log may hold 100,000 of them. */
  uncounted: true;
  /** The row beside an entry, see joined-entry.ts. */
  beside: string;
  erased: ErasedRange;
  hookStates: HookStateRow;
}

/** Period first, so that a whole period is removed as one range. */
export type DedupeKey = [period: number, tag: string, hash: string];

export type EntryKey = [tag: string, seq: number];

export interface Keys extends Record<keyof Rows, string | DedupeKey | EntryKey> {
  logMeta: string;
  inboxMarkers: string;
  dedupe: DedupeKey;
  claims: string;
  pushes: string;
  restrictions: string;
  blocks: string;
  mentions: string;
  roomSubscriptions: string;
  said: string;
  uncounted: EntryKey;
  beside: EntryKey;
  erased: string;
  hookStates: string;
}

/** When a row may be removed. Time first, so that all expired rows are one range. */
export type ExpiryKey = [
  until: number,
  table: 'blocks' | 'claims' | 'pushes' | 'restrictions' | 'roomSubscriptions' | 'said',
  key: string,
];

/** Removes the row if there is no value. */
export type RowWrite = {
  [T in keyof Rows]: { readonly table: T; readonly key: Keys[T]; readonly value?: Rows[T] };
}[keyof Rows];

export type Write =
  | RowWrite
  | { readonly table: 'entries'; readonly key: EntryKey; readonly value?: Entry }
  | { readonly table: 'expiries'; readonly key: ExpiryKey; readonly value?: true }
  | { readonly table: 'facts'; readonly key: string; readonly value: unknown };

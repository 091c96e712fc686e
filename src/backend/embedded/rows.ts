import type { Entry } from '../../chat/log-store.ts';
import type { InboxMarkerRecord } from './inbox-markers.ts';
import type { LogMeta } from './log-meta.ts';
import type { Restrictions } from './restrictions.ts';
import type { RoomSubscriptionRecord } from './room-subscriptions.ts';

/** The first answer to a `clientMsgId`. */
export interface DedupeRecord {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  /** As `Dedupe.content`. */
  readonly content?: string;
}

/** Remembers a write that may be sent twice, see idempotency.ts. */
export interface ClaimRecord {
  /** The operation's. */
  readonly id: string;
  readonly fingerprint: string;
  readonly until: number;
  readonly running?: { readonly id: string; readonly until: number };
  readonly answer?: string;
}

/** Where a push stands. Places are arrays: a user may be called `__proto__`. */
export interface PushRecord {
  readonly nsp: string;
  readonly places: readonly (readonly [userId: string, seq: number, at: number])[];
  readonly until: number;
}

/** Entries of an erased log that may still be on disk; those that the next log has numbered again are its own. */
export interface ErasedRange {
  readonly from: number;
  readonly to: number;
}

/** Tables whose rows a commit may depend on, and by what they are found. */
export interface Rows {
  logMeta: LogMeta;
  inboxMarkers: InboxMarkerRecord;
  dedupe: DedupeRecord;
  claims: ClaimRecord;
  pushes: PushRecord;
  restrictions: Restrictions;
  roomSubscriptions: RoomSubscriptionRecord;
  /** The seq of the newest message a user said in a room, see `saidKey`: it moves their mark. */
  said: number;
  /** Entries that nobody has to read. A row each: a log may hold 100,000 of them. */
  uncounted: true;
  erased: ErasedRange;
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
  roomSubscriptions: string;
  said: string;
  uncounted: EntryKey;
  erased: string;
}

/** When a row may be forgotten. Time first, so that what is due is one range. */
export type ExpiryKey = [
  until: number,
  table: 'claims' | 'pushes' | 'restrictions' | 'roomSubscriptions' | 'said',
  key: string,
];

/** Without a value: removed. */
export type RowWrite = {
  [T in keyof Rows]: { readonly table: T; readonly key: Keys[T]; readonly value?: Rows[T] };
}[keyof Rows];

export type Write =
  | RowWrite
  | { readonly table: 'entries'; readonly key: EntryKey; readonly value?: Entry }
  | { readonly table: 'expiries'; readonly key: ExpiryKey; readonly value?: true }
  | { readonly table: 'facts'; readonly key: string; readonly value: unknown };

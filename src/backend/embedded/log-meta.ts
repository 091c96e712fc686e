import { PREVIOUS_EPOCHS_KEPT } from '../../chat/held-positions.ts';
import type { PreviousEpoch } from '../../chat/log-store.ts';
import type { RoomKind } from '../../chat/room.ts';
import { type UnopenedContent, unopenedTtlS } from '../../chat/unopened-inbox.ts';
import type { BackendOptions } from '../backend.ts';

/** Metadata of a log. It outlives the entries, so no sequence number is assigned twice. */
export interface LogMeta {
  /** Absent: a room, as in metadata written before there was anything else. */
  readonly kind?: RoomKind;
  readonly epoch: string;
  /** Names the start of the primary in which the epoch began. */
  readonly run: string;
  readonly top: number;
  /** The time of the last entry, or of the first read of a room that has none. */
  readonly at: number;
  /** The oldest entry that is visible. */
  readonly first: number;
  /** The oldest entry that may still be on disk: entries below `first` are removed in portions. */
  readonly floor: number;
  readonly links: readonly PreviousEpoch[];
  /** See `LogPage.hasMarks`. */
  readonly hasMarks?: true;
  /** Nobody has opened the inbox. One without this, and with `top` 0, says that its user was there at the time `at`. */
  readonly unopened?: UnopenedContent | undefined;
}

/** The retention settings of all kinds of logs. */
export type RetentionSettings = Pick<
  BackendOptions,
  'historySize' | 'historyTtlS' | 'inboxSize' | 'inboxTtlS'
>;

export interface LogRetention {
  readonly size: number;
  readonly ttlS: number;
}

const DAY_MS = 86_400_000;
/** Trimming entry by entry would make every append a removal too. The contract allows a slack of 100. */
const TRIM_SLACK = 64;

export function retentionOf({ kind, unopened }: LogMeta, retention: RetentionSettings): LogRetention {
  if (unopened) return { size: retention.inboxSize, ttlS: unopenedTtlS(retention.inboxTtlS) };
  return kind === 'inbox' || kind === 'news'
    ? { size: retention.inboxSize, ttlS: retention.inboxTtlS }
    : { size: retention.historySize, ttlS: retention.historyTtlS };
}

export function beginLog(kind: RoomKind, run: string, epoch: string, now: number): LogMeta {
  const meta = { epoch, run, top: 0, at: now, first: 1, floor: 1, links: [] };
  return kind === 'room' ? meta : { kind, ...meta };
}

/** A later run gives the log a new epoch. Positions of the previous epoch stay valid up to its end. */
export function continueLog(meta: LogMeta, run: string, makeEpoch: () => string): LogMeta {
  if (meta.run === run) return meta;
  const links = [...meta.links, { epoch: meta.epoch, upTo: meta.top }].slice(-PREVIOUS_EPOCHS_KEPT);
  return { ...meta, run, epoch: makeEpoch(), links };
}

/** Returns whether the last entry is older than the retention time. */
export function isIdle(meta: LogMeta, retention: LogRetention, now: number): boolean {
  return now - meta.at > retention.ttlS * 1000;
}

/** Returns whether nothing is left of the log but its numbers, and for so long that nobody asks for them. The next log begins a new epoch. */
export function isForgotten(meta: LogMeta, retention: LogRetention, now: number): boolean {
  if (meta.floor <= meta.top) return false;
  const lifeMs = meta.top === 0 || meta.unopened ? retention.ttlS * 1_000 : 2_000 * retention.ttlS + DAY_MS;
  return now - meta.at > lifeMs;
}

/** Hides all entries once the last one has expired. */
export function expireEntries(meta: LogMeta, retention: LogRetention, now: number): LogMeta {
  const expired = meta.first <= meta.top && isIdle(meta, retention, now);
  return expired ? { ...meta, first: meta.top + 1 } : meta;
}

/** Takes the next sequence number, with a time that never runs backwards. */
export function takeNextSeq(meta: LogMeta, now: number): LogMeta {
  return { ...meta, top: meta.top + 1, at: Math.max(now, meta.at) };
}

/** Hides the oldest entries beyond the retained size. */
export function trimEntries(meta: LogMeta, retention: LogRetention): LogMeta {
  const held = meta.top - meta.first + 1;
  return held < retention.size + TRIM_SLACK ? meta : { ...meta, first: meta.top - retention.size + 1 };
}

import type { PreviousEpoch } from '../../chat/log-store.ts';
import type { RoomKind } from '../../chat/room.ts';

/** What the store knows of a log beside its entries. It outlives them, so no number is handed out twice. */
export interface LogMeta {
  /** Absent: a room, as in heads written before there was anything else. */
  readonly kind?: RoomKind;
  readonly epoch: string;
  /** The start of the primary in which the epoch began. */
  readonly run: string;
  readonly top: number;
  /** Of the last message, or of the first look at a room nothing was said in. */
  readonly at: number;
  /** The oldest message that is shown. */
  readonly first: number;
  /** The oldest one that may still be on disk: what lies below `first` is removed in portions. */
  readonly floor: number;
  readonly links: readonly PreviousEpoch[];
}

/** The settings of all kinds of logs. */
export interface RetentionSettings {
  readonly historySize: number;
  readonly historyTtlS: number;
  readonly inboxSize: number;
  readonly inboxTtlS: number;
}

export interface LogRetention {
  readonly size: number;
  readonly ttlS: number;
}

const PREVIOUS_EPOCHS_KEPT = 8;
/** Trimming a message at a time would make every append a removal as well; the contract allows 100. */
const TRIM_SLACK = 64;

export function retentionOf({ kind }: LogMeta, retention: RetentionSettings): LogRetention {
  return kind === 'inbox' || kind === 'news'
    ? { size: retention.inboxSize, ttlS: retention.inboxTtlS }
    : { size: retention.historySize, ttlS: retention.historyTtlS };
}

export function beginLog(kind: RoomKind, run: string, epoch: string, now: number): LogMeta {
  const head = { epoch, run, top: 0, at: now, first: 1, floor: 1, links: [] };
  return kind === 'room' ? head : { kind, ...head };
}

/** In a later run the room gets a new epoch; positions of the old one stay good up to its end. */
export function continueLog(head: LogMeta, run: string, makeEpoch: () => string): LogMeta {
  if (head.run === run) return head;
  const links = [...head.links, { epoch: head.epoch, upTo: head.top }].slice(-PREVIOUS_EPOCHS_KEPT);
  return { ...head, run, epoch: makeEpoch(), links };
}

/** Whether nothing was put in for longer than it is kept. */
export function isIdle(head: LogMeta, keeping: LogRetention, now: number): boolean {
  return now - head.at > keeping.ttlS * 1000;
}

/** Hides all messages once the last one is too old. */
export function expireEntries(head: LogMeta, keeping: LogRetention, now: number): LogMeta {
  const expired = head.first <= head.top && isIdle(head, keeping, now);
  return expired ? { ...head, first: head.top + 1 } : head;
}

/** Takes the next number, at a time that never runs backwards. */
export function takeNextSeq(head: LogMeta, now: number): LogMeta {
  return { ...head, top: head.top + 1, at: Math.max(now, head.at) };
}

/** Hides the oldest messages beyond the size kept. */
export function trimEntries(head: LogMeta, keeping: LogRetention): LogMeta {
  const held = head.top - head.first + 1;
  return held < keeping.size + TRIM_SLACK ? head : { ...head, first: head.top - keeping.size + 1 };
}

import type { EpochLink } from '../../chat/store.ts';

/** What the store knows of a room beside its messages. It outlives them, so no number is handed out twice. */
export interface Head {
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
  readonly links: readonly EpochLink[];
}

export interface Keeping {
  readonly historySize: number;
  readonly historyTtlS: number;
}

const LINKS_KEPT = 8;
/** Trimming a message at a time would make every append a removal as well; the contract allows 100. */
const TRIM_SLACK = 64;

export function beginHead(run: string, epoch: string, now: number): Head {
  return { epoch, run, top: 0, at: now, first: 1, floor: 1, links: [] };
}

/** In a later run the room gets a new epoch; positions of the old one stay good up to its end. */
export function continueHead(head: Head, run: string, makeEpoch: () => string): Head {
  if (head.run === run) return head;
  const links = [...head.links, { epoch: head.epoch, upTo: head.top }].slice(-LINKS_KEPT);
  return { ...head, run, epoch: makeEpoch(), links };
}

/** Hides all messages once the last one is too old. */
export function expireHead(head: Head, keeping: Keeping, now: number): Head {
  const expired = head.first <= head.top && now - head.at > keeping.historyTtlS * 1000;
  return expired ? { ...head, first: head.top + 1 } : head;
}

/** Takes the next number, at a time that never runs backwards. */
export function raiseHead(head: Head, now: number): Head {
  return { ...head, top: head.top + 1, at: Math.max(now, head.at) };
}

/** Hides the oldest messages beyond the size kept. */
export function trimHead(head: Head, keeping: Keeping): Head {
  const held = head.top - head.first + 1;
  return held < keeping.historySize + TRIM_SLACK
    ? head
    : { ...head, first: head.top - keeping.historySize + 1 };
}

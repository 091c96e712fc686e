import { toTombstone } from '../../protocol/deletions.ts';
import { fold, targetOf } from '../../protocol/folding.ts';
import type { ChatMessage, RoomEntry } from '../../protocol/rooms.ts';

/*
 * The list of a room: stored messages in the log's order, and notices where they arrived. (epoch, seq) identifies a
 * message; seq alone may repeat after the store lost its tail.
 */

export interface SaidEntry {
  readonly kind: 'said';
  readonly key: string;
  readonly message: ChatMessage;
}

export interface NoticeEntry {
  readonly kind: 'notice';
  readonly key: string;
  readonly notice: 'join' | 'quit' | 'missing' | 'removed';
  readonly username?: string;
  readonly userId?: string;
}

export type Entry = SaidEntry | NoticeEntry;
export type Timeline = readonly Entry[];

/** The entries that a list holds, about a kilobyte each; older ones are loaded again on demand. */
export const MAX_ENTRIES = 6_000;
/** While the reader reads older messages none may vanish, up to this bound. */
export const MAX_ENTRIES_WHILE_READING = 12_000;
export const TRIMMED_AT_ONCE = 500;

export function saidEntry(message: ChatMessage, key = `${message.epoch}:${message.seq}`): SaidEntry {
  return { kind: 'said', key, message };
}

/**
 * Inserts a message in order. That is nearly always at the end: the loop goes back past the messages that overtook it. A
 * message that is there already keeps its key, so its bubble is not drawn anew.
 */
export function place(timeline: Timeline, entry: SaidEntry): Timeline {
  const { epoch, seq } = entry.message;
  let index = timeline.length;
  for (let i = timeline.length - 1; i >= 0; i--) {
    const other = timeline[i];
    if (other?.kind !== 'said') continue;
    if (other.message.epoch !== epoch || other.message.seq < seq) break;
    // A repeated ack may come after the deletion of its message.
    if (other.message.seq === seq && other.message.deleted) return timeline;
    if (other.message.seq === seq) return spliced(timeline, i, 1, { ...other, message: entry.message });
    index = i;
  }
  return spliced(timeline, index, 0, entry);
}

/** Removes a message's text; its place stays. The store lost the older of two messages with the same seq. */
export function withoutText(timeline: Timeline, seq: number): Timeline {
  const at = timeline.findLastIndex((entry) => entry.kind === 'said' && entry.message.seq === seq);
  const entry = timeline[at];
  if (entry?.kind !== 'said') return timeline;
  return spliced(timeline, at, 1, { ...entry, message: toTombstone(entry.message) });
}

/** Applies an edit or a reaction to its message, if the list has it. */
export function withChange(timeline: Timeline, change: RoomEntry): Timeline {
  const seq = targetOf(change);
  if (seq === undefined) return timeline;
  const at = timeline.findLastIndex((entry) => entry.kind === 'said' && entry.message.seq === seq);
  const entry = timeline[at];
  if (entry?.kind !== 'said') return timeline;
  return spliced(timeline, at, 1, { ...entry, message: fold(entry.message, change) });
}

function spliced(timeline: Timeline, at: number, removed: number, entry: Entry): Timeline {
  // A copy of thousands of entries by `slice` takes microseconds, by spreading it takes a hundred times as long.
  const next = timeline.slice();
  next.splice(at, removed, entry);
  return next;
}

/** Puts an older page before the list, without the messages that the list has already. */
export function putBefore(timeline: Timeline, entries: readonly RoomEntry[]): Timeline {
  const known = keysOf(timeline);
  const messages = entries.filter((entry) => entry.event === 'broadcast_say');
  const older = messages.map((message) => saidEntry(message)).filter(({ key }) => !known.has(key));
  return [...older, ...timeline];
}

/** The keys of the messages, also of those that are drawn under the key of a draft. */
export function keysOf(timeline: Timeline): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const entry of timeline) if (entry.kind === 'said') keys.add(saidEntry(entry.message).key);
  return keys;
}

/** The index of the newest gap's notice; −1 without a gap. */
export function lastGap(timeline: Timeline): number {
  return timeline.findLastIndex((entry) => entry.kind === 'notice' && entry.notice === 'missing');
}

export function newestSaid(timeline: Timeline): ChatMessage | undefined {
  const entry = timeline.findLast(({ kind }) => kind === 'said');
  return entry?.kind === 'said' ? entry.message : undefined;
}

export function oldestSaid(timeline: Timeline): ChatMessage | undefined {
  for (const entry of timeline) if (entry.kind === 'said') return entry.message;
  return undefined;
}

/** The newest `limit` entries. */
export function newest(timeline: Timeline, limit: number): Timeline {
  return timeline.length > limit ? timeline.slice(-limit) : timeline;
}

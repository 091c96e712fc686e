import type { ReadUpTo, Unread } from '../../chat/log-store.ts';
import type { Head } from './head.ts';
import type { VisitRecord } from './visits.ts';

/** Found by the user's inbox and the room, whose entry among the user's rooms it goes with. */
export function saidKey(inbox: string, roomid: string): string {
  return `${inbox} ${roomid}`;
}

/** Of all rooms of a user. */
export function saidKeys(inbox: string, record: VisitRecord | undefined): string[] {
  return (record?.rooms ?? []).map(([roomid]) => saidKey(inbox, roomid));
}

/** `said`: the reader's newest own message. */
export function unreadOf(
  { first, top }: Head,
  { read }: Pick<ReadUpTo, 'read'>,
  said: number,
  uncounted: readonly number[],
): Unread {
  const upTo = Math.max(read, said);
  const from = Math.max(upTo + 1, first);
  const spared = uncounted.filter((seq) => seq >= from && seq <= top).length;
  return { top, read: upTo, unread: Math.max(0, top - from + 1) - spared };
}

/** With two more. Those below `first` are forgotten. */
export function withUncounted(
  uncounted: readonly number[],
  first: number,
  seqs: readonly number[],
): readonly number[] {
  const all = new Set([...uncounted.filter((seq) => seq >= first), ...seqs]);
  return [...all].sort((one, other) => one - other);
}

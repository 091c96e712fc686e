import type { RoomEntry, SaidMessage } from './rooms.ts';

/** What is left of a message that was deleted: nothing of who said it or what it was. */
export const EMPTIED = { deleted: true, data: { username: '', userId: '', text: '', type: 0 } } as const;

/** As the log has the message once it is deleted. */
export function emptied({ event, roomid, epoch, seq, id, at }: SaidMessage): SaidMessage {
  return { event, roomid, epoch, seq, id, at, ...EMPTIED };
}

/** The entries, of which the messages of those numbers were deleted. */
export function withEmptied(entries: readonly RoomEntry[], refs: ReadonlySet<number>): readonly RoomEntry[] {
  if (refs.size === 0) return entries;
  return entries.map((entry) =>
    entry.event === 'broadcast_say' && refs.has(entry.seq) ? emptied(entry) : entry,
  );
}

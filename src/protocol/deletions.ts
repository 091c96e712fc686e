import type { ChatMessage, RoomEntry } from './rooms.ts';

/** What is left of a message that was deleted: nothing of who said it or what it was. */
export const DELETED_CONTENT = {
  deleted: true,
  data: { username: '', userId: '', text: '', type: 0 },
} as const;

/** As the log has the message once it is deleted. */
export function toTombstone({ event, roomid, epoch, seq, id, at }: ChatMessage): ChatMessage {
  return { event, roomid, epoch, seq, id, at, ...DELETED_CONTENT };
}

/** The entries, of which the messages of those numbers were deleted. */
export function withTombstones(
  entries: readonly RoomEntry[],
  refs: ReadonlySet<number>,
): readonly RoomEntry[] {
  if (refs.size === 0) return entries;
  return entries.map((entry) =>
    entry.event === 'broadcast_say' && refs.has(entry.seq) ? toTombstone(entry) : entry,
  );
}

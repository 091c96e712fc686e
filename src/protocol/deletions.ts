import type { ChatMessage, RoomEntry } from './rooms.ts';

/** The rest of a deleted message, with neither its sender nor its content. */
export const DELETED_CONTENT = {
  deleted: true,
  data: { username: '', userId: '', text: '', type: 0 },
} as const;

/** Converts a message to what the log holds once it is deleted. */
export function toTombstone({ event, roomid, epoch, seq, id, at }: ChatMessage): ChatMessage {
  return { event, roomid, epoch, seq, id, at, ...DELETED_CONTENT };
}

/** Returns the entries with the messages at these positions replaced by tombstones. */
export function withTombstones(
  entries: readonly RoomEntry[],
  refs: ReadonlySet<number>,
): readonly RoomEntry[] {
  if (refs.size === 0) return entries;
  return entries.map((entry) =>
    entry.event === 'broadcast_say' && refs.has(entry.seq) ? toTombstone(entry) : entry,
  );
}

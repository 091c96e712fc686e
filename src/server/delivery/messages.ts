import type { Entry } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import type { RosterEntry } from '../../chat/roster.ts';
import { DELETED_CONTENT, withTombstones } from '../../protocol/deletions.ts';
import type { PresenceMessage, RoomEntry } from '../../protocol/rooms.ts';

/** Parses without validation: the store's text is the wire's message, and only the server writes it. */
export function messageOf(entry: Entry): RoomEntry {
  return JSON.parse(entry.json) as RoomEntry;
}

/** The members that replace those of a deleted message, as `Draft.members`. */
export function tombstoneOf({ roomid }: Pick<Room, 'roomid'>): string {
  return JSON.stringify({ event: 'broadcast_say', roomid, ...DELETED_CONTENT }).slice(1, -1);
}

/** The members of the entry that announces the deletion. */
export function deletionOf({ roomid }: Pick<Room, 'roomid'>, ref: number): string {
  return JSON.stringify({ event: 'deleted', roomid, ref }).slice(1, -1);
}

/**
 * Converts a page and the entries since, in the log's order. A message that was deleted after the page was read becomes
 * a tombstone, as in the log, so that no reader gets its text any more.
 */
export function messagesOf(entries: readonly Entry[]): readonly RoomEntry[] {
  const messages = entries.map(messageOf);
  const deleted = new Set<number>();
  for (const message of messages) if (message.event === 'deleted') deleted.add(message.ref);
  return withTombstones(messages, deleted);
}

export function presenceMessage(
  event: PresenceMessage['event'],
  { roomid }: Room,
  { username, userId, avatar }: RosterEntry,
): PresenceMessage {
  return { event, roomid, data: { username, userId, ...(avatar === undefined ? {} : { avatar }) } };
}

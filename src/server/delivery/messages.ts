import type { Entry } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import type { RosterEntry } from '../../chat/roster.ts';
import { DELETED_CONTENT, withTombstones } from '../../protocol/deletions.ts';
import type { PresenceMessage, RoomEntry } from '../../protocol/rooms.ts';

/** The stored text is the wire's message; only our own store writes it. */
export function messageOf(entry: Entry): RoomEntry {
  return JSON.parse(entry.json) as RoomEntry;
}

/** The members of a message that is taken out, as `Draft.members`. */
export function tombstoneOf({ roomid }: Pick<Room, 'roomid'>): string {
  return JSON.stringify({ event: 'broadcast_say', roomid, ...DELETED_CONTENT }).slice(1, -1);
}

/** The members of the entry that tells of it. */
export function deletionOf({ roomid }: Pick<Room, 'roomid'>, ref: number): string {
  return JSON.stringify({ event: 'deleted', roomid, ref }).slice(1, -1);
}

/**
 * A page and what passed since it was read, in the log's order. A message that was taken out meanwhile stands as the
 * log has it by now: its text is shown nobody any more.
 */
export function messagesOf(entries: readonly Entry[]): readonly RoomEntry[] {
  const messages = entries.map(messageOf);
  const gone = new Set<number>();
  for (const message of messages) if (message.event === 'deleted') gone.add(message.ref);
  return withTombstones(messages, gone);
}

export function presenceMessage(
  event: PresenceMessage['event'],
  { roomid }: Room,
  { username, userId, avatar }: RosterEntry,
): PresenceMessage {
  return { event, roomid, data: { username, userId, ...(avatar === undefined ? {} : { avatar }) } };
}

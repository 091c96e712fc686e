import type { Entry } from '../../chat/log-store.ts';
import { withoutOthers } from '../../chat/reactions.ts';
import type { Room } from '../../chat/room.ts';
import type { RosterEntry } from '../../chat/roster.ts';
import { foldEntries } from '../../protocol/folding.ts';
import type { PresenceMessage, RoomEntry } from '../../protocol/rooms.ts';

/**
 * Parses without validation: the store's text is the wire's message, and only the server writes it. A message also holds who
 * reacted to it, which goes to nobody.
 */
export function messageOf(entry: Entry): RoomEntry {
  const message = JSON.parse(entry.json) as RoomEntry;
  return message.event === 'broadcast_say' ? withoutOthers(message) : message;
}

/**
 * Converts a page and the entries since, in the log's order. A message that changed after the page was read stands in its
 * newest form, as in the log: no reader gets the text of a deleted one any more.
 */
export function messagesOf(entries: readonly Entry[]): readonly RoomEntry[] {
  return foldEntries(entries.map(messageOf));
}

export function presenceMessage(
  event: PresenceMessage['event'],
  { roomid }: Room,
  { username, userId, avatar, confusable }: RosterEntry,
): PresenceMessage {
  return {
    event,
    roomid,
    data: {
      username,
      userId,
      ...(avatar === undefined ? {} : { avatar }),
      ...(confusable === undefined ? {} : { confusable }),
    },
  };
}

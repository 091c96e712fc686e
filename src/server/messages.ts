import type { Room } from '../chat/room.ts';
import type { Entry, RosterEntry } from '../chat/store.ts';
import type { PresenceMessage, SaidMessage } from '../protocol/events.ts';

/** The stored text is the wire's message; only our own store writes it. */
export function messageOf(entry: Entry): SaidMessage {
  return JSON.parse(entry.json) as SaidMessage;
}

export function presenceMessage(
  event: PresenceMessage['event'],
  { roomid }: Room,
  { username, userId, avatar }: RosterEntry,
): PresenceMessage {
  return { event, roomid, data: { username, userId, ...(avatar === undefined ? {} : { avatar }) } };
}

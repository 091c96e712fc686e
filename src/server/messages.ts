import type { Entry } from '../chat/log-store.ts';
import type { Room } from '../chat/room.ts';
import type { RosterEntry } from '../chat/roster.ts';
import type { PresenceMessage, SaidMessage } from '../protocol/rooms.ts';

/** The stored text is the wire's message; only our own store writes it. */
export function messageOf(entry: Entry): SaidMessage {
  return JSON.parse(entry.json) as SaidMessage;
}

/** The members of a message that is taken out, as `Draft.members`: nothing of whom or what it was is kept. */
export function tombstoneOf({ roomid }: Pick<Room, 'roomid'>): string {
  const data = { username: '', userId: '', text: '', type: 0 };
  return JSON.stringify({ event: 'broadcast_say', roomid, deleted: true, data }).slice(1, -1);
}

export function presenceMessage(
  event: PresenceMessage['event'],
  { roomid }: Room,
  { username, userId, avatar }: RosterEntry,
): PresenceMessage {
  return { event, roomid, data: { username, userId, ...(avatar === undefined ? {} : { avatar }) } };
}

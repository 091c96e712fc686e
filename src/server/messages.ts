import type { Room } from '../chat/room.ts';
import type { Draft, Entry, RosterEntry } from '../chat/store.ts';
import type { Person, PresenceMessage, SaidMessage } from '../protocol/events.ts';

/** The stored text is the wire's message; only our own store writes it. */
export function messageOf(entry: Entry): SaidMessage {
  return JSON.parse(entry.json) as SaidMessage;
}

/** What somebody says, before the store numbers it. `scope`: whose `clientMsgId`s are remembered together. */
export function saidDraft(
  id: string,
  { roomid }: Pick<Room, 'roomid'>,
  from: Person,
  { text, type, clientMsgId }: { text: string; type: number; clientMsgId: string | undefined },
  scope: string,
): Draft {
  const message = { event: 'broadcast_say', roomid, clientMsgId, data: { ...from, text, type } };
  return {
    id,
    members: JSON.stringify(message).slice(1, -1),
    ...(clientMsgId === undefined ? {} : { dedupe: { scope, clientMsgId } }),
  };
}

export function presenceMessage(
  event: PresenceMessage['event'],
  { roomid }: Room,
  { username, userId, avatar }: RosterEntry,
): PresenceMessage {
  return { event, roomid, data: { username, userId, ...(avatar === undefined ? {} : { avatar }) } };
}

import type { RoomEntry, RoomMessage } from '../../protocol/rooms.ts';
import type { ClientSocket } from '../socket-types.ts';
import type { OutboundEvent } from '../transport/websocket-frames.ts';

/*
 * Clients of ours from before messages could change: they take an entry for a message unless it is `deleted`, and then show a
 * message without a sender or a text. Tabs stay open over an update of the server, so they get another entry in the place of
 * a change: the deletion of that entry itself, which they have no message for. Its number counts, so that nothing is missing.
 */

/** A symbol, because `fetchSockets()` sends the other members of `socket.data` to every server. */
const OLDER = Symbol('older client');

/** Call it before the socket joins a room. */
export function markOlder(socket: Pick<ClientSocket, 'data'>): void {
  socket.data[OLDER] = true;
}

export function isOlder({ data }: Pick<ClientSocket, 'data'>): boolean {
  return data[OLDER] === true;
}

/** Converts the entries of a page to those that the client knows. */
export function entriesFor(
  socket: Pick<ClientSocket, 'data'>,
  entries: readonly RoomEntry[],
): readonly RoomEntry[] {
  return isOlder(socket) ? entries.map(knownBefore) : entries;
}

/** Finds every change, and perhaps a message whose data looks like one. */
const MAY_BE_CHANGE = /"event":"(?:edited|reacted)"/;

export function mayBeChange({ event, json }: Pick<OutboundEvent, 'event' | 'json'>): boolean {
  return event === undefined && MAY_BE_CHANGE.test(json);
}

/** Converts a live event to one that older clients know. */
export function eventForOlder(event: OutboundEvent): OutboundEvent {
  if (!mayBeChange(event)) return event;
  const { utf8: _, ...rest } = event;
  return { ...rest, json: JSON.stringify(knownBefore(JSON.parse(event.json) as RoomEntry)) };
}

function knownBefore<M extends RoomMessage>(message: M): M | RoomEntry {
  if (message.event !== 'edited' && message.event !== 'reacted') return message;
  const { roomid, epoch, seq, id, at } = message;
  return { event: 'deleted', roomid, epoch, seq, id, at, ref: seq };
}

import type { Room, RoomKind } from '../chat/room.ts';

const PREFIX: { readonly [K in RoomKind]: string } = {
  room: 'room',
  inbox: 'user',
  news: 'news',
  lounge: 'text',
};

/**
 * The Socket.IO room that a room's members join. The braces put its channel into the Redis Cluster slot of the room's
 * keys; the prefix keeps the name from having 20 characters, which the sharded adapter takes for a socket id.
 */
export function socketRoom(room: Room): string {
  // Joined for the same reason as the tag: Socket.IO's tables keep the name.
  return [PREFIX[room.kind], ':{', room.tag, '}'].join('');
}

const ROOMS = `${PREFIX.room}:{`;

/** The tag of the chat room whose members are in that Socket.IO room; undefined for every other kind. */
export function tagOfSocketRoom(name: string): string | undefined {
  return name.startsWith(ROOMS) ? name.slice(ROOMS.length, -1) : undefined;
}

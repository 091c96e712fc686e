import { createHash } from 'node:crypto';

/** A room of one namespace. Keys, channels and Socket.IO rooms are made of `tag` alone. */
export interface Room {
  readonly nsp: string;
  readonly roomid: string;
  /**
   * First 16 base64url characters of SHA-256(namespace NUL roomid). No text of a user reaches a key,
   * so none can pick a Redis slot, match a pattern or be taken for a socket id.
   */
  readonly tag: string;
}

export function roomOf(nsp: string, roomid: string): Room {
  const digest = createHash('sha256').update(`${nsp}\0${roomid}`).digest('base64url');
  return { nsp, roomid, tag: digest.slice(0, 16) };
}

/**
 * The Socket.IO room. The braces put its channel into the Redis Cluster slot of the room's keys;
 * the prefix keeps its length from 20, which the sharded adapter takes for a socket id.
 */
export function socketRoom(room: Room): string {
  return `room:{${room.tag}}`;
}

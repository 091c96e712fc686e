import { hash } from 'node:crypto';

/**
 * Everything that has members and keys of its own. `room`: a chat room, with a log. `inbox`: one user's inbox, with a log.
 * `news`: a namespace's announcements to everybody, one log. `lounge`: the connections that get a room's `textmsg` without
 * having joined it, no log. The names are part of stored keys.
 */
export type RoomKind = 'room' | 'inbox' | 'news' | 'lounge';

/** A room of one namespace. Keys, channels and Socket.IO rooms are made of `tag` alone. */
export interface Room {
  readonly nsp: string;
  readonly kind: RoomKind;
  /** The user's id for an inbox. */
  readonly roomid: string;
  /**
   * The first 16 base64url characters of SHA-256(namespace NUL roomid), with the kind before the roomid for all but rooms.
   * No user's text reaches a key, so none can choose a Redis slot, match a pattern or pass for a socket id.
   */
  readonly tag: string;
}

export function roomOf(nsp: string, roomid: string, kind: RoomKind = 'room'): Room {
  // No id contains NUL, so the hashed names of two kinds are never equal.
  const name = kind === 'room' ? roomid : `${kind}\0${roomid}`;
  const digest = hash('sha256', `${nsp}\0${name}`, 'base64url');
  // V8 keeps the whole digest for a slice of more than 12 characters: 64 bytes for every connected user.
  return { nsp, kind, roomid, tag: [digest.slice(0, 8), digest.slice(8, 16)].join('') };
}

export function inboxOf(nsp: string, userId: string): Room {
  return roomOf(nsp, userId, 'inbox');
}

export function announcementsOf(nsp: string): Room {
  return roomOf(nsp, 'news', 'news');
}

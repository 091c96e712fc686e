import { hash } from 'node:crypto';

/**
 * What has members and keys of its own. `room`: said in, with a log. `inbox`: of one user, with a log. `news`: the
 * announcements to everybody of a namespace, one log. `lounge`: who hears `textmsg` of a room without having
 * joined it; no log.
 */
export type RoomKind = 'room' | 'inbox' | 'news' | 'lounge';

/** A room of one namespace. Keys, channels and Socket.IO rooms are made of `tag` alone. */
export interface Room {
  readonly nsp: string;
  readonly kind: RoomKind;
  /** Of an inbox: the user's id. */
  readonly roomid: string;
  /**
   * First 16 base64url characters of SHA-256(namespace NUL roomid), with the kind between for all but rooms. No
   * text of a user reaches a key, so none can pick a Redis slot, match a pattern or be taken for a socket id.
   */
  readonly tag: string;
}

export function roomOf(nsp: string, roomid: string, kind: RoomKind = 'room'): Room {
  // No id holds a NUL, so what is hashed for one kind is never another's.
  const name = kind === 'room' ? roomid : `${kind}\0${roomid}`;
  const digest = hash('sha256', `${nsp}\0${name}`, 'base64url');
  // A slice of more than 12 characters keeps all of the digest: 64 bytes for every connected user.
  return { nsp, kind, roomid, tag: [digest.slice(0, 8), digest.slice(8, 16)].join('') };
}

export function inboxOf(nsp: string, userId: string): Room {
  return roomOf(nsp, userId, 'inbox');
}

export function announcementsOf(nsp: string): Room {
  return roomOf(nsp, 'news', 'news');
}

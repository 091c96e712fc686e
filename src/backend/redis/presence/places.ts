import type { Room } from '../../../chat/room.ts';
import { roomOf } from '../../../chat/room.ts';

/*
 * Where an instance's users are, as listed under it: `kind NUL namespace NUL id`, a user's connections as the inbox.
 * No namespace or id holds a NUL, so every kind and every namespace of it is one stretch in byte order.
 */
const KINDS = ['room', 'inbox', 'lounge'] as const;

export type PlaceKind = (typeof KINDS)[number];

export function placeName(room: Room): string {
  return `${room.kind}\0${room.nsp}\0${room.roomid}`;
}

export function placeOf(name: string): Room {
  const [listed, nsp = '', roomid = ''] = name.split('\0');
  const kind = KINDS.find((one) => one === listed);
  if (!kind) throw new Error('an instance is listed in a place of no known kind');
  return roomOf(nsp, roomid, kind);
}

/** Of a listed place. Cheaper than `placeOf`, which hashes. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf('\0') + 1);
}

/** ZRANGEBYLEX bounds of all places of a kind. */
export function stretchOf(kind: PlaceKind): readonly [min: string, max: string] {
  return [`[${kind}\0`, `(${kind}\x01`];
}

/** ZRANGEBYLEX bounds of a namespace's rooms after `after`. */
export function roomsAfter(nsp: string, after = ''): readonly [min: string, max: string] {
  return [`(room\0${nsp}\0${after}`, `(room\0${nsp}\x01`];
}

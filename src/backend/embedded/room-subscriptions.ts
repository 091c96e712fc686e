import type { VisitedRoom } from '../../chat/visits.ts';

/** What is stored of the rooms a user goes to, the one joined or read last first. */
export interface RoomSubscriptionRecord {
  /** Until when it is kept for an inbox nothing was put in; otherwise it goes with the inbox. */
  readonly until: number;
  readonly rooms: readonly SubscribedRoom[];
}

/** An array: a room may be called `__proto__`. */
export type SubscribedRoom = readonly [roomid: string, read: number];

const MAX_ROOM_SUBSCRIPTIONS = 1_000;

/** The same array if nothing changes. */
export function setSubscribed(
  rooms: readonly SubscribedRoom[],
  roomid: string,
  joined: boolean,
  top: number,
): readonly SubscribedRoom[] {
  const known = rooms.find(([id]) => id === roomid);
  if (!joined) return known ? rooms.filter((visit) => visit !== known) : rooms;
  return known && rooms[0] === known ? rooms : putFirst(rooms, known ?? [roomid, top]);
}

/** The same array if the mark does not rise. */
export function raiseReadMarker(
  rooms: readonly SubscribedRoom[],
  roomid: string,
  seq: number,
): readonly SubscribedRoom[] {
  return seq <= readMarkerIn(rooms, roomid) ? rooms : putFirst(rooms, [roomid, seq]);
}

export function readMarkerIn(rooms: readonly SubscribedRoom[], roomid: string): number {
  return rooms.find(([id]) => id === roomid)?.[1] ?? 0;
}

export function subscribedRoomsOf(rooms: readonly SubscribedRoom[]): VisitedRoom[] {
  return rooms.map(([roomid, read]) => ({ roomid, read }));
}

function putFirst(rooms: readonly SubscribedRoom[], visit: SubscribedRoom): readonly SubscribedRoom[] {
  return [visit, ...rooms.filter(([id]) => id !== visit[0])].slice(0, MAX_ROOM_SUBSCRIPTIONS);
}

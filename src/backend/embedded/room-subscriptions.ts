import type { RoomSubscription } from '../../chat/room-subscriptions.ts';

/** The rooms of a user, the one joined or read last first. */
export interface RoomSubscriptionRecord {
  /** The expiry if the inbox has no log; otherwise the record lives as long as the log. */
  readonly until: number;
  readonly rooms: readonly SubscribedRoom[];
}

/** An array and no object, since a room may be called `__proto__`. */
export type SubscribedRoom = readonly [roomid: string, read: number];

const MAX_ROOM_SUBSCRIPTIONS = 1_000;

/** Returns the same array if nothing changes. */
export function setSubscribed(
  rooms: readonly SubscribedRoom[],
  roomid: string,
  joined: boolean,
  top: number,
): readonly SubscribedRoom[] {
  const known = rooms.find(([id]) => id === roomid);
  if (!joined) return known ? rooms.filter((subscription) => subscription !== known) : rooms;
  return known && rooms[0] === known ? rooms : putFirst(rooms, known ?? [roomid, top]);
}

/** Returns the same array if the marker does not rise. */
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

export function subscribedRoomsOf(rooms: readonly SubscribedRoom[]): RoomSubscription[] {
  return rooms.map(([roomid, read]) => ({ roomid, read }));
}

function putFirst(rooms: readonly SubscribedRoom[], subscription: SubscribedRoom): readonly SubscribedRoom[] {
  return [subscription, ...rooms.filter(([id]) => id !== subscription[0])].slice(0, MAX_ROOM_SUBSCRIPTIONS);
}

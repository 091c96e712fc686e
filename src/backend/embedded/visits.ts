import type { VisitedRoom } from '../../chat/visits.ts';

/** What is stored of the rooms a user goes to, the one joined or read last first. */
export interface VisitRecord {
  /** Until when it is kept for an inbox nothing was put in; otherwise it goes with the inbox. */
  readonly until: number;
  readonly rooms: readonly Visit[];
}

/** An array: a room may be called `__proto__`. */
export type Visit = readonly [roomid: string, read: number];

const MAX_VISITS = 1_000;

/** The same array if nothing changes. */
export function visitRoom(
  rooms: readonly Visit[],
  roomid: string,
  joined: boolean,
  top: number,
): readonly Visit[] {
  const known = rooms.find(([id]) => id === roomid);
  if (!joined) return known ? rooms.filter((visit) => visit !== known) : rooms;
  return known && rooms[0] === known ? rooms : putFirst(rooms, known ?? [roomid, top]);
}

/** The same array if the mark does not rise. */
export function readRoom(rooms: readonly Visit[], roomid: string, seq: number): readonly Visit[] {
  return seq <= markIn(rooms, roomid) ? rooms : putFirst(rooms, [roomid, seq]);
}

export function markIn(rooms: readonly Visit[], roomid: string): number {
  return rooms.find(([id]) => id === roomid)?.[1] ?? 0;
}

export function visitedIn(rooms: readonly Visit[]): VisitedRoom[] {
  return rooms.map(([roomid, read]) => ({ roomid, read }));
}

function putFirst(rooms: readonly Visit[], visit: Visit): readonly Visit[] {
  return [visit, ...rooms.filter(([id]) => id !== visit[0])].slice(0, MAX_VISITS);
}

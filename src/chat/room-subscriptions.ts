import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

/** A room that a user has joined and not left, with the user's read marker. */
export interface RoomSubscription {
  readonly roomid: string;
  readonly read: number;
}

/** The rooms of each user, by inbox; stored for INBOX_TTL_S from the last join or read, at least. */
export interface RoomSubscriptions {
  /**
   * Adds the room, or removes it together with its marker. `top` is the room's newest message: the marker of a room that
   * the user never read begins there. Returns whether the list changed.
   */
  set(inbox: Room, roomid: string, joined: boolean, top?: number): Promise<Outcome<boolean>>;
  /** Raises the marker and returns where it stands. MUST NOT lower it. The room need not be in the list. */
  raiseReadMarker(inbox: Room, roomid: string, seq: number): Promise<Outcome<number>>;
  /** Returns whether the room is in the list. */
  has(inbox: Room, roomid: string): Promise<Outcome<boolean>>;
  /** Returns at most 1,000 rooms, those joined or read last. */
  list(inbox: Room): Promise<Outcome<readonly RoomSubscription[]>>;
}

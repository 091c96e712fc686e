import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

/** A room a user has joined and not left, and how far they have read it. */
export interface RoomSubscription {
  readonly roomid: string;
  readonly read: number;
}

/** Which rooms a user goes to, by inbox; kept like its marks. */
export interface RoomSubscriptions {
  /**
   * The user has joined the room, or left it for good: then its mark is forgotten. `top`: the room's newest message; whoever
   * never read it has read so far. Answers whether that changed which rooms the user is in.
   */
  set(inbox: Room, roomid: string, joined: boolean, top?: number): Promise<Outcome<boolean>>;
  /** Raises the mark, never lowers it; also of a room that was not visited. Answers where it stands. */
  raiseReadMarker(inbox: Room, roomid: string, seq: number): Promise<Outcome<number>>;
  /** At most the 1,000 that were joined or read last. */
  list(inbox: Room): Promise<Outcome<readonly RoomSubscription[]>>;
}

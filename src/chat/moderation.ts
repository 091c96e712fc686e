import type { Outcome } from '../protocol/codes.ts';
import type { Room } from './room.ts';

export type Restriction = 'ban' | 'mute';

/** ms by the store's clock; without `until` it holds until it is lifted. */
export interface Restricted {
  readonly until?: number;
}

/** Who may not be in a room, or say something there. Checked by the store itself, in `enter` and `append`. */
export interface Moderation {
  /** Takes the place of an earlier one of its kind. Without `seconds` for good. */
  restrict(room: Room, userId: string, kind: Restriction, seconds?: number): Promise<Outcome<Restricted>>;
  /** False: there was none. */
  lift(room: Room, userId: string, kind: Restriction): Promise<Outcome<boolean>>;
  restrictions(
    room: Room,
    userId: string,
  ): Promise<Outcome<{ readonly ban?: Restricted; readonly mute?: Restricted }>>;
}

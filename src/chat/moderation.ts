import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';
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

const MESSAGES: { readonly [K in Restriction]: string } = {
  ban: 'roomid: banned from this room',
  mute: 'roomid: muted in this room',
};

/** `leftMs` 0: until it is lifted. */
export function refuseRestricted(kind: Restriction, leftMs = 0): Refusal {
  return refuse('forbidden', MESSAGES[kind], leftMs === 0 ? undefined : leftMs);
}

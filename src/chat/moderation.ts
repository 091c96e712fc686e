import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';
import type { Room } from './room.ts';

export type Restriction = 'ban' | 'mute';

/** A ban or mute. `until` is ms by the store's clock; without it the restriction holds until it is lifted. */
export interface ActiveRestriction {
  readonly until?: number;
}

/** The tokens that a revocation voids: those issued before a time, ms since 1970, or the one with that `jti`. */
export type RevokedTokens = { readonly before: number } | { readonly jti: string };

/** Bans and mutes. The store MUST check them itself, atomically, in `Roster.enter` and `RoomLogs.append`. */
export interface Moderation {
  /**
   * Sets a restriction, which MUST replace an earlier one of its kind. Without `seconds` it has no end. With `most`, a new one is
   * `limit` where the room has that many, approximately: several calls may meet, and those of one user may count as one.
   */
  restrict(
    room: Room,
    userId: string,
    kind: Restriction,
    seconds?: number,
    most?: number,
  ): Promise<Outcome<ActiveRestriction>>;
  /** Removes a restriction; false if there was none. */
  lift(room: Room, userId: string, kind: Restriction): Promise<Outcome<boolean>>;
  /**
   * Voids tokens of the inbox's user for `REVOKED_FOR_MS`, see exclusions.ts. MUST NOT replace a later `before` by an earlier
   * one. `now`: ms since 1970.
   */
  revoke(inbox: Room, tokens: RevokedTokens, now: number): Promise<Outcome<void>>;
  restrictions(
    room: Room,
    userId: string,
  ): Promise<Outcome<{ readonly ban?: ActiveRestriction; readonly mute?: ActiveRestriction }>>;
}

const MESSAGES: { readonly [K in Restriction]: string } = {
  ban: 'roomid: banned from this room',
  mute: 'roomid: muted in this room',
};

export function refuseMoreRestrictions(most: number): Refusal {
  return refuse('limit', `userId: a room has at most ${most} bans and mutes by moderators`);
}

/** `leftMs` 0: until it is lifted. */
export function refuseRestricted(kind: Restriction, leftMs = 0): Refusal {
  return refuse('forbidden', MESSAGES[kind], leftMs === 0 ? undefined : leftMs);
}

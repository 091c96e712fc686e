import { createHash } from 'node:crypto';
import { type Refusal, refuse } from '../protocol/codes.ts';
import type { Access } from './identity.ts';
import type { ActiveRestriction, RevokedTokens } from './moderation.ts';

/*
 * Two orders keep a user out of all rooms, inboxes and namespaces: a ban of the user, and a revocation of the user's tokens. The
 * stores keep both as restrictions in the user's inbox: the ban under the user's id, revocations under names that no user has.
 */

/** The orders in the store against a user and one of the user's tokens. */
export interface Exclusion {
  readonly ban?: ActiveRestriction;
  /** Tokens issued before this time are void, ms since 1970. */
  readonly issuedBefore?: number;
  /** The token that was asked about is void. */
  readonly token?: true;
}

/** The time that a revocation is kept: longer than anybody should let a token live. */
export const REVOKED_FOR_MS = 366 * 86_400_000;

/** The name of the row that says before when tokens were issued. It ends REVOKED_FOR_MS after that time, and so holds it. */
export const ISSUED_BEFORE = '#before';

/** The name of the row for a token. No user's text gets into a store's keys unhashed. */
export const tokenName = (jti: string) => `#jti ${createHash('sha256').update(jti).digest('base64url')}`;

/** The names of the rows for a user and the token with that `jti`. */
export function exclusionNames(userId: string, jti: string | undefined): readonly string[] {
  return jti === undefined ? [userId, ISSUED_BEFORE] : [userId, ISSUED_BEFORE, tokenName(jti)];
}

/** Combines the rows of `exclusionNames`, in that order; undefined for those that are not there. */
export function exclusionOf(rows: readonly (ActiveRestriction | undefined)[]): {
  readonly exclusion?: Exclusion;
} {
  const [ban, before, token] = rows;
  if (!ban && !before && !token) return {};
  return {
    exclusion: {
      ...(ban && { ban }),
      ...(before?.until !== undefined && { issuedBefore: before.until - REVOKED_FOR_MS }),
      ...(token && { token: true }),
    },
  };
}

/** The place in the store of a revocation, and its end. */
export function revocationRow(
  tokens: RevokedTokens,
  now: number,
): { readonly name: string; readonly until: number } {
  if ('jti' in tokens) return { name: tokenName(tokens.jti), until: Math.ceil(now + REVOKED_FOR_MS) };
  return { name: ISSUED_BEFORE, until: Math.ceil(tokens.before + REVOKED_FOR_MS) };
}

/** Returns the refusal of a user with that token, if there is a reason. `now`: ms since 1970. */
export function refuseExcluded(
  exclusion: Exclusion | undefined,
  { token }: Pick<Access, 'token'>,
  now: number,
): Refusal | undefined {
  if (!exclusion) return undefined;
  const { ban, issuedBefore, token: isRevoked } = exclusion;
  if (ban) {
    const leftMs = ban.until === undefined ? undefined : Math.max(1, ban.until - now);
    return refuse('forbidden', 'this user is banned', leftMs);
  }
  const isVoid = token && (isRevoked || (issuedBefore !== undefined && token.issuedAt < issuedBefore));
  return isVoid ? refuse('unauthorized', 'token: revoked') : undefined;
}

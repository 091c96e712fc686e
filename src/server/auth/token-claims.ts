import type { JWTPayload } from 'jose';
import type { Access } from '../../chat/identity.ts';
import type { ReservedNames } from '../../chat/reserved-names.ts';
import { parseAvatar, parseUnreservedId, parseUnreservedUsername } from '../../protocol/names.ts';
import { createRoomRights, MEMBER_RIGHTS, parseGrant } from '../../protocol/rights.ts';

/** The claims of a token whose signature is verified. */
export interface Claims {
  readonly userId: string;
  readonly name: string | undefined;
  readonly avatar: string | undefined;
  readonly access: Access;
}

const MS_PER_S = 1_000;
/** The last time that a Date can represent. */
const LAST_MS = 8.64e15;

/**
 * Returns undefined if the token names no user, or if `rooms` or `jti` is malformed: such a token must not allow every room, nor
 * be one that cannot be revoked. A name or an avatar that clients may not have counts as absent.
 */
export function parseClaims(
  { sub, name, avatar, rooms, exp, iat, jti }: JWTPayload,
  isReserved: ReservedNames,
): Claims | undefined {
  const userId = parseUnreservedId(sub);
  const rightsIn = rooms === undefined ? () => MEMBER_RIGHTS : parseRooms(rooms);
  if (userId === undefined || rightsIn === undefined) return undefined;
  // Any JSON may stand there.
  if (jti !== undefined && typeof (jti as unknown) !== 'string') return undefined;
  const stated = parseUnreservedUsername(name);
  const expiresAt = exp === undefined ? undefined : Math.min(exp * MS_PER_S, LAST_MS);
  return {
    userId,
    name: stated !== undefined && isReserved(stated) ? undefined : stated,
    avatar: parseAvatar(avatar),
    access: { rightsIn, expiresAt, token: { issuedAt: (iat ?? 0) * MS_PER_S, jti } },
  };
}

function parseRooms(rooms: unknown): Access['rightsIn'] | undefined {
  if (!Array.isArray(rooms)) return undefined;
  const grants = rooms.map(parseGrant).filter((grant) => grant !== undefined);
  return grants.length === rooms.length ? createRoomRights(grants) : undefined;
}

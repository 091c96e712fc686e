import type { JWTPayload } from 'jose';
import type { Access } from '../../chat/identity.ts';
import { parseAvatar, parseUnreservedId, parseUnreservedUsername } from '../../protocol/names.ts';
import { createRoomMatcher, parseRoomPattern } from '../../protocol/room-pattern.ts';

/** What a token says, once its signature is known to be good. */
export interface Claims {
  readonly userId: string;
  readonly name: string | undefined;
  readonly avatar: string | undefined;
  readonly access: Access;
}

const MS_PER_S = 1_000;
/** The end of what a Date can say. */
const LAST_MS = 8.64e15;

/**
 * Undefined where the token does not say who its user is, or where `rooms` cannot be read: that must not open every
 * room. A name or an avatar that no client may take counts as not given.
 */
export function parseClaims({ sub, name, avatar, rooms, exp }: JWTPayload): Claims | undefined {
  const userId = parseUnreservedId(sub);
  const allows = rooms === undefined ? () => true : parseRooms(rooms);
  if (userId === undefined || allows === undefined) return undefined;
  const expiresAt = exp === undefined ? undefined : Math.min(exp * MS_PER_S, LAST_MS);
  return {
    userId,
    name: parseUnreservedUsername(name),
    avatar: parseAvatar(avatar),
    access: { allows, expiresAt },
  };
}

function parseRooms(rooms: unknown): Access['allows'] | undefined {
  if (!Array.isArray(rooms)) return undefined;
  const patterns = rooms.map(parseRoomPattern).filter((pattern) => pattern !== undefined);
  return patterns.length === rooms.length ? createRoomMatcher(patterns) : undefined;
}

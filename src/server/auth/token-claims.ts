import type { JWTPayload } from 'jose';
import type { Access } from '../../chat/identity.ts';
import { parseAvatar, parseOwnId, parseOwnUsername } from '../../protocol/names.ts';
import { createRoomMatcher, parseRoomPattern } from '../../protocol/room-pattern.ts';

/** What a token says, once its signature is known to be good. */
export interface Claims {
  readonly userId: string;
  readonly name?: string;
  readonly avatar?: string;
  readonly access: Access;
}

const MS_PER_S = 1_000;
/** The end of what a Date can say. */
const LAST_MS = 8.64e15;

/**
 * Undefined: the token says nothing we can go by. A name or an avatar that we would not take from a client counts
 * as not given; `rooms` that cannot be read must not open every room.
 */
export function parseClaims({ sub, name, avatar, rooms, exp }: JWTPayload): Claims | undefined {
  const userId = parseOwnId(sub);
  const allows = rooms === undefined ? () => true : parseRooms(rooms);
  if (userId === undefined || allows === undefined) return undefined;
  const username = parseOwnUsername(name);
  const face = parseAvatar(avatar);
  return {
    userId,
    ...(username === undefined ? {} : { name: username }),
    ...(face === undefined ? {} : { avatar: face }),
    access: { allows, ...(exp === undefined ? {} : { expiresAt: Math.min(exp * MS_PER_S, LAST_MS) }) },
  };
}

function parseRooms(rooms: unknown): Access['allows'] | undefined {
  if (!Array.isArray(rooms)) return undefined;
  const patterns = rooms.map(parseRoomPattern).filter((pattern) => pattern !== undefined);
  return patterns.length === rooms.length ? createRoomMatcher(patterns) : undefined;
}

import { parseRoomPattern } from './room-pattern.ts';

/** Everything that a user may be allowed to do in a room. Without `read`, a user has none of the others there. */
export const RIGHTS = ['read', 'say', 'react', 'moderate'] as const;

export type Right = (typeof RIGHTS)[number];

/** The rights that a room has for everybody in open mode, and for a token that states nothing else. */
export const MEMBER_RIGHTS: readonly Right[] = RIGHTS.filter((right) => right !== 'moderate');

export const NO_RIGHTS: readonly Right[] = [];

/** Rights in one room, or with `prefix*` in every room whose id begins with the prefix. */
export interface Grant {
  readonly pattern: string;
  readonly can: readonly Right[];
}

const ANY = '*';

/** Parses an entry of a token's `rooms`: a room pattern, or `{room, can}`. An unknown right makes the whole entry wrong. */
export function parseGrant(value: unknown): Grant | undefined {
  if (typeof value !== 'object' || value === null) return grantOf(value, MEMBER_RIGHTS);
  const { room, can } = value as { readonly room?: unknown; readonly can?: unknown };
  if (!Array.isArray(can) || !can.every(isRight)) return undefined;
  return grantOf(room, can);
}

function grantOf(room: unknown, can: readonly Right[]): Grant | undefined {
  const pattern = parseRoomPattern(room);
  return pattern === undefined ? undefined : { pattern, can };
}

const isRight = (name: unknown): name is Right => RIGHTS.includes(name as Right);

/** Returns a user's rights in a room, those of all matching grants together. It makes no new list for each call. */
export function createRoomRights(grants: readonly Grant[]): (roomid: string) => readonly Right[] {
  const rooms = new Map<string, number>();
  const prefixes: [prefix: string, bits: number][] = [];
  for (const { pattern, can } of grants) {
    const bits = bitsOf(can);
    if (pattern.endsWith(ANY)) prefixes.push([pattern.slice(0, -ANY.length), bits]);
    else rooms.set(pattern, (rooms.get(pattern) ?? 0) | bits);
  }
  return (roomid) => {
    let bits = rooms.get(roomid) ?? 0;
    for (const [prefix, more] of prefixes) if (roomid.startsWith(prefix)) bits |= more;
    return LISTS[bits] ?? NO_RIGHTS;
  };
}

const bitOf = (right: Right) => 1 << RIGHTS.indexOf(right);

function bitsOf(can: readonly Right[]): number {
  return can.reduce((bits, right) => bits | bitOf(right), 0);
}

/** The rights by the sum of their bits. */
const LISTS: readonly (readonly Right[])[] = Array.from({ length: 1 << RIGHTS.length }, (_, bits) =>
  (bits & bitOf('read')) === 0 ? NO_RIGHTS : RIGHTS.filter((right) => (bits & bitOf(right)) !== 0),
);

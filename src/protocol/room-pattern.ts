import { parseId } from './names.ts';

const ANY = '*';

/** Parses `room`, or `prefix*` for every room whose id begins with the prefix, to its normalised spelling. */
export function parseRoomPattern(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.endsWith(ANY)) return parseId(value);
  // A prefix need not be an id itself: it may end in a space.
  const extended = parseId(`${value.slice(0, -ANY.length)}x`);
  return extended === undefined ? undefined : extended.slice(0, -1) + ANY;
}

/** Returns a test for whether a room matches one of the patterns. */
export function createRoomMatcher(patterns: readonly string[]): (roomid: string) => boolean {
  const rooms = new Set(patterns.filter((pattern) => !pattern.endsWith(ANY)));
  const prefixes = patterns
    .filter((pattern) => pattern.endsWith(ANY))
    .map((pattern) => pattern.slice(0, -ANY.length));
  return (roomid) => rooms.has(roomid) || prefixes.some((prefix) => roomid.startsWith(prefix));
}

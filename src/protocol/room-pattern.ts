import { parseId } from './names.ts';

const ANY = '*';

/** Parses `room`, or `prefix*` for every room whose id begins with the prefix, to its normalised spelling. */
export function parseRoomPattern(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.endsWith(ANY)) return parseId(value);
  // A prefix need not be an id itself: it may end in a space.
  const extended = parseId(`${value.slice(0, -ANY.length)}x`);
  return extended === undefined ? undefined : extended.slice(0, -1) + ANY;
}

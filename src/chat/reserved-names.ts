import { skeletonOf } from './skeleton.ts';

/** Returns whether a person may not take the name. */
export type ReservedNames = (name: string) => boolean;

/** Back ends speak under this name if they give none. */
const SERVICE = 'roomcast';

/**
 * Reserves the names and what looks like them, in any case and any form of the letters: `ADМIN` with a Cyrillic М, `𝗮𝗱𝗺𝗶𝗻`,
 * and, where a name is written in capitals, `l` for `I`.
 */
export function createReservedNames(names: readonly string[]): ReservedNames {
  const reserved = new Set(
    [SERVICE, ...names].flatMap((name) => [...keysOf(name), keyOf(name.toUpperCase())]),
  );
  return (name) => keysOf(name).some((key) => reserved.has(key));
}

/** Lower case first finds what only small letters have in common, and last what only capitals have. */
function keysOf(name: string): readonly string[] {
  const plain = name.normalize('NFKC').trim();
  return [keyOf(plain.toLowerCase()), keyOf(plain)];
}

function keyOf(name: string): string {
  return skeletonOf(name).toLowerCase();
}

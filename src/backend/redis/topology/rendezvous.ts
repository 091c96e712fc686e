/**
 * Rendezvous hashing: each server has a score for each tag, and the tag belongs to the server with the highest. If one is
 * added, it takes over its share of the tags from each of the others, and no tag moves between those.
 */
export function createRendezvous(names: readonly string[]): (tag: string) => number {
  const seeds = names.map(hashOf);
  return (tag) => {
    const hash = hashOf(tag);
    let best = 0;
    let bestScore = -1;
    for (const [index, seed] of seeds.entries()) {
      const score = mixed(hash ^ seed);
      if (score <= bestScore) continue;
      best = index;
      bestScore = score;
    }
    return best;
  };
}

/** FNV-1a over UTF-16 units. Servers and tags are ASCII, or a prefix that all of them share. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mixed(hash);
}

/** The end of MurmurHash3: each bit of the input changes half of the output's. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Numbers that a seed decides, so that a run can be played again. */
export interface Random {
  /** From 0 up to 1. */
  fraction(): number;
  /** An integer from 0 on. */
  below(limit: number): number;
  chance(share: number): boolean;
  one<T>(of: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    fraction: next,
    below: (limit) => Math.floor(next() * limit),
    chance: (share) => next() < share,
    one: (of) => of[Math.floor(next() * of.length)] as (typeof of)[number],
  };
}

/** Steps of two sequences that are spread evenly together, not only each by itself. */
export const EVEN_STEPS = [0.7548776662466927, 0.5698402909980532] as const;

/** Picks the index of a weight. */
export type EvenMix = () => number;

/**
 * Picks indices in proportion to their weights, more evenly than by chance: however many picks are made, the part of an
 * index differs from its weight by a few picks only.
 */
export function createEvenMix(weights: readonly number[], step: number, start: number): EvenMix {
  const sums: number[] = [];
  let sum = 0;
  for (const weight of weights) {
    sum += weight;
    sums.push(sum);
  }
  let place = start % 1;
  return () => {
    place = (place + step) % 1;
    const wanted = place * sum;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Says yes for a share of the calls, at even distances. */
export function createEvenShare(share: number, start: number): () => boolean {
  let due = start % 1;
  return () => {
    due += share;
    if (due < 1) return false;
    due -= 1;
    return true;
  };
}

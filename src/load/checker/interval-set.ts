/**
 * A set of numbers that mostly come in order. It keeps intervals: 100,000 messages without a hole are one pair of
 * numbers.
 */
export interface IntervalSet {
  readonly starts: number[];
  readonly ends: number[];
}

export function createIntervalSet(): IntervalSet {
  return { starts: [], ends: [] };
}

/** False: the set has the number already. */
export function addTo({ starts, ends }: IntervalSet, n: number): boolean {
  const newest = ends.length - 1;
  const end = ends[newest];
  if (end !== undefined && n === end + 1) {
    ends[newest] = n;
    return true;
  }
  const at = runBefore(starts, n);
  const before = ends[at];
  if (before !== undefined && n <= before) return false;
  const joinsLeft = before === n - 1;
  const joinsRight = starts[at + 1] === n + 1;
  if (joinsLeft && joinsRight) {
    ends[at] = ends[at + 1] ?? n;
    starts.splice(at + 1, 1);
    ends.splice(at + 1, 1);
  } else if (joinsLeft) {
    ends[at] = n;
  } else if (joinsRight) {
    starts[at + 1] = n;
  } else {
    starts.splice(at + 1, 0, n);
    ends.splice(at + 1, 0, n);
  }
  return true;
}

export function includes({ starts, ends }: IntervalSet, n: number): boolean {
  const end = ends[runBefore(starts, n)];
  return end !== undefined && n <= end;
}

/** Calls `use` with each number of `from`..`to` that is not in the set. */
export function eachMissing(
  set: IntervalSet | undefined,
  from: number,
  to: number,
  use: (n: number) => void,
) {
  let next = from;
  if (set) {
    const { starts, ends } = set;
    for (let run = Math.max(0, runBefore(starts, from)); run < starts.length && next <= to; run += 1) {
      const stop = Math.min((starts[run] ?? 0) - 1, to);
      for (; next <= stop; next += 1) use(next);
      next = Math.max(next, (ends[run] ?? 0) + 1);
    }
  }
  for (; next <= to; next += 1) use(next);
}

/** The index of the last interval that starts at or below `n`, or -1. */
function runBefore(starts: readonly number[], n: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= n) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

import type { Range } from '@tanstack/virtual-core';
import type { Row } from './rows.ts';

/** The rows that are drawn, and those of them that are in sight, by their indexes. */
export interface DrawnRange {
  readonly from: number;
  /** The index after the last one. */
  readonly to: number;
  /** The first row in sight. */
  readonly top: number;
}

/** Rows drawn beyond those in sight. */
const OVERSCAN = 8;
/** The rows are drawn anew once fewer of them are left. */
const LEAST_OVERSCAN = 4;
/** A list that follows its end draws so many new rows at once. */
const MOST_NEW = 50;

export type InSight = Pick<Range, 'startIndex' | 'endIndex'>;

/** `following`: the list follows its end, so the rows that are new there will be in sight. */
export function rangeToDraw(inSight: InSight, count: number, following: boolean): DrawnRange {
  const { startIndex, endIndex } = inSight;
  const toEnd = following && count - endIndex <= MOST_NEW;
  return {
    from: Math.max(0, startIndex - OVERSCAN),
    to: toEnd ? count : Math.min(count, endIndex + 1 + OVERSCAN),
    top: startIndex,
  };
}

/** True: with these rows in sight there is nothing else to draw. */
export function covers(drawn: DrawnRange, { startIndex, endIndex }: InSight, rows: readonly Row[]): boolean {
  const { from, to, top } = drawn;
  if (from > 0 && startIndex - from < LEAST_OVERSCAN) return false;
  if (to < rows.length && to - 1 - endIndex < LEAST_OVERSCAN) return false;
  // The date above the list is that of the first row in sight.
  const passed = rows.slice(Math.min(top, startIndex), Math.max(top, startIndex) + 1);
  return top === startIndex || passed.every(({ day }) => day === undefined);
}

import { MAX_OTHERS_CORES } from './measure/others-watch.ts';
import type { Row } from './rows.ts';

export interface Recordable {
  readonly kept: readonly Row[];
  /** Why a case is not for the record, in words. */
  readonly refusal?: string;
}

/** Keeps the rows of a case, or none of them: what they are compared with was measured on the same machine. */
export function recordable(rows: readonly Row[]): Recordable {
  const othersCores = Math.max(0, ...rows.map((row) => row.othersCores ?? 0));
  if (othersCores <= MAX_OTHERS_CORES) return { kept: rows };
  return {
    kept: [],
    refusal: `not for the record: other processes kept ${othersCores.toFixed(2)} cores busy meanwhile, and more than ${MAX_OTHERS_CORES} changes the figures. Run it again on a quiet machine.`,
  };
}

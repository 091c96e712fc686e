import type { LoadResult } from '../../src/load/result.ts';
import { MAX_OTHERS_CORES } from './measure/others-watch.ts';
import type { Row } from './rows.ts';

export interface Recordable {
  readonly kept: readonly Row[];
  /** Why a case is not for the record, in words. */
  readonly refusal?: string;
}

/** Keeps the rows of a case, or none of them: what they are compared with was measured on the same machine. */
export function recordable(rows: readonly Row[]): Recordable {
  const refusal = busyRefusal(Math.max(0, ...rows.map((row) => row.othersCores ?? 0)));
  return refusal === undefined ? { kept: rows } : { kept: [], refusal };
}

/** Why a comparison of two servers is not for the record, in words. */
export function versusRefusal({ verdict, versus }: LoadResult, othersCores: number): string | undefined {
  if (versus === undefined) return 'not for the record: there is no second server.';
  const outcomes = [verdict.outcome, versus.second.verdict.outcome];
  const unfit = outcomes.find((outcome) => outcome !== 'good' && outcome !== 'threshold-missed');
  if (unfit !== undefined) return `not for the record: a verdict is ${unfit.replaceAll('-', ' ')}.`;
  if (versus.ratios.length === 0) return 'not for the record: no turn was of both servers.';
  return busyRefusal(othersCores);
}

function busyRefusal(othersCores: number): string | undefined {
  if (othersCores <= MAX_OTHERS_CORES) return undefined;
  return `not for the record: other processes kept ${othersCores.toFixed(2)} cores busy meanwhile, and more than ${MAX_OTHERS_CORES} changes the figures. Run it again on a quiet machine.`;
}

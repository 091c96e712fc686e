import type { HistoryRecord } from './history.ts';
import { measureRecovery, type Recovery } from './recovery.ts';
import { type Counts, outcomeOf, type ProblemKind, sumCounts, type Verdict } from './verdict.ts';

export interface Run {
  readonly verdict: Verdict;
  /** Read twice. */
  readonly history: Iterable<HistoryRecord>;
}

/** A run, or several of one plan, in the numbers a table shows. */
export interface Tally {
  readonly runs: number;
  readonly rooms: number;
  readonly counts: Counts;
  readonly problemCounts: Readonly<Partial<Record<ProblemKind, number>>>;
  readonly outcome: Verdict['outcome'];
  /** The share of deliveries that may go wrong at most although none did; undefined if some did. */
  readonly upperBound: number | undefined;
  /** The time until every room flowed again, by fault. */
  readonly recovery: readonly Recovery[];
}

/** One inconclusive run makes the whole inconclusive: it would stand in the table as if it had proved something. */
export function tally(runs: readonly Run[]): Tally {
  const verdicts = runs.map(({ verdict }) => verdict);
  const counts = sumCounts(verdicts.map((verdict) => verdict.counts));
  const problemCounts: Partial<Record<ProblemKind, number>> = {};
  let problems = 0;
  for (const verdict of verdicts) {
    for (const [kind, count] of Object.entries(verdict.problemCounts) as [ProblemKind, number][]) {
      problemCounts[kind] = (problemCounts[kind] ?? 0) + count;
      problems += count;
    }
  }
  const idle = verdicts.some(({ outcome }) => outcome === 'inconclusive');
  const outcome = problems === 0 && idle ? 'inconclusive' : outcomeOf(counts, problems);
  return {
    runs: runs.length,
    rooms: new Set(verdicts.flatMap(({ rooms }) => rooms.map(({ room }) => room))).size,
    counts,
    problemCounts,
    outcome,
    upperBound: outcome === 'pass' ? upperBound95(counts.expected) : undefined,
    recovery: measureRecovery(runs.map(({ history }) => history)),
  };
}

/** "0 of N" leaves room for a true rate of up to 3/N, with 95 % confidence. */
export function upperBound95(trials: number): number | undefined {
  return trials > 0 ? Math.min(1, 3 / trials) : undefined;
}

import { checkHistory } from '../../src/load/checker/check.ts';
import type { FinalLog, HistoryRecord } from '../../src/load/checker/history.ts';
import type { Counts } from '../../src/load/checker/verdict.ts';

/** The checker's verdict as the table of fault runs needs it. */
export interface Judgement extends Counts {
  /** What is wrong, in a line per kind with its first example. */
  readonly problems: readonly string[];
  /** How often a client was told that it cannot have something any more. */
  readonly reportedLosses: number;
}

/** `storeMayLose`: the fault takes acked messages from the store, and what is promised is that all are told. */
export function judge(
  records: readonly HistoryRecord[],
  finals: readonly FinalLog[],
  storeMayLose = false,
): Judgement {
  const { counts, problems, problemCounts, ok } = checkHistory(records, finals, { storeMayLose });
  const found: string[] = [];
  for (const [kind, times] of Object.entries(problemCounts)) {
    const { room, client, epoch, seq, id, detail } = problems.find((each) => each.kind === kind) ?? {};
    found.push(`${kind} × ${times}, first: ${JSON.stringify({ room, client, epoch, seq, id, detail })}`);
  }
  if (!storeMayLose && counts.waived > 0) found.push(`${counts.waived} deliveries were given up with a gap`);
  if (!ok && found.length === 0) found.push('the checker did not pass it');
  return { ...counts, problems: found, reportedLosses: counts.gaps + counts.unrecovered };
}

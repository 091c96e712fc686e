import type { Gap } from './feed.ts';
import type { Entry, LogPage, Position } from './log-store.ts';

/** One step of a reader: an entry, or a gap of lost entries. */
export type ReaderStep = { readonly entry: Entry } | { readonly gap: Gap };

export interface Continuation {
  /** The steps in the log's order. */
  readonly steps: readonly ReaderStep[];
  /** The position after the steps. */
  readonly position: Position;
  /** Nothing is missing between the position and the live feed. */
  readonly isLive: boolean;
}

/**
 * Continues a reader from its position with the page read after it, and with the entries that the feed delivered since.
 * Every number between the position and the new one is in a step: as an entry, or in a gap.
 *
 * Example: the reader is at {e1, 100}, and the page of epoch e2 says that e1 holds up to 90. The reader gets the gap 91
 * to 100 and continues at {e2, 90}, since the numbers 91 to 100 may name other messages now.
 */
export function continueFrom(from: Position, page: LogPage, since: readonly Entry[]): Continuation {
  const { epoch } = page;
  const shared = Math.min(sharedUpTo(from, page), page.top);
  if (shared < from.seq) {
    const gap: Gap = { epoch, from: shared + 1, to: from.seq, reason: 'epoch' };
    return { steps: [{ gap }], position: { epoch, seq: shared }, isLive: false };
  }
  const steps: ReaderStep[] = [];
  let { seq } = from;
  const skipTo = (next: number) => {
    if (next > seq + 1) steps.push({ gap: { epoch, from: seq + 1, to: next - 1, reason: 'trimmed' } });
  };
  for (const entry of page.entries) {
    skipTo(entry.seq);
    steps.push({ entry });
    seq = entry.seq;
  }
  if (page.more) return { steps, position: { epoch, seq }, isLive: false };
  // A log that expired as a whole still knows its top.
  skipTo(page.top + 1);
  steps.push(...since.map((entry) => ({ entry })));
  return { steps, position: { epoch, seq: since.at(-1)?.seq ?? page.top }, isLive: true };
}

/** Up to where the reader's epoch and the page's log hold the same entries. */
function sharedUpTo({ epoch, seq }: Position, page: LogPage): number {
  if (epoch === page.epoch) return seq;
  const previous = page.previousEpochs.find((one) => one.epoch === epoch);
  return previous === undefined ? 0 : Math.min(seq, previous.upTo);
}

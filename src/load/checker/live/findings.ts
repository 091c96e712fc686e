import { type Finding, WRONG_KINDS, type WrongKind } from '../../result.ts';

const KEPT_PER_KIND = 5;

export type WrongCounts = Record<WrongKind, number>;

/** The faults that a driver process found: all counted, the first of each kind in words. */
export interface LiveFindings {
  readonly counts: WrongCounts;
  readonly kept: readonly Finding[];
  add(kind: WrongKind, detail: () => string, times?: number): void;
  /** A message that counted as lost came after all. */
  notLost(): void;
}

export function createLiveFindings(): LiveFindings {
  const counts = zeroWrong();
  const kept: Finding[] = [];
  const keptOf = zeroWrong();
  return {
    counts,
    kept,
    add(kind, detail, times = 1) {
      counts[kind] += times;
      if (keptOf[kind] >= KEPT_PER_KIND) return;
      keptOf[kind] += 1;
      kept.push({ kind, detail: detail() });
    },
    notLost() {
      counts.lost -= 1;
      // A swap is no loss: its words would contradict the count.
      if (counts.lost > 0) return;
      for (let at = kept.length - 1; at >= 0; at -= 1) if (kept[at]?.kind === 'lost') kept.splice(at, 1);
      keptOf.lost = 0;
    },
  };
}

export function zeroWrong(): WrongCounts {
  return Object.fromEntries(WRONG_KINDS.map((kind) => [kind, 0])) as WrongCounts;
}

export function sumWrong(counts: Iterable<Readonly<WrongCounts>>): WrongCounts {
  const sum = zeroWrong();
  for (const each of counts) for (const kind of WRONG_KINDS) sum[kind] += each[kind];
  return sum;
}

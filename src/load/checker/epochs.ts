import { type Assertions, isGenuine } from './assertions.ts';
import type { FinalLog } from './history.ts';
import type { Place } from './messages.ts';
import type { EpochChange } from './stream.ts';

/**
 * A room's epochs in order, and the history that each left to the next. Numbers run on over epochs. If the store lost
 * its tail, the next epoch begins at a number that was given already, and voids the older entries from there on. Seen
 * from one epoch, every number therefore belongs to one epoch: the newest up to it that began at or below the number.
 */
export interface Epochs {
  /** The newest epoch's top. */
  readonly top: Place | undefined;
  /** Negative: a came before b. An epoch without evidence comes first. */
  compare(a: Place, b: Place): number;
  rankOf(epoch: string): number;
  /** The newest epoch that any client had heard of. */
  heardBy(t: number): string | undefined;
  /** The last number of `epoch` that still counted when `seenFrom` held. */
  kept(epoch: string, seenFrom: string): number;
  /** The store lost it or never had it: the log changes its epoch there. */
  isVoid(place: Place): boolean;
  /** Calls `use` with the owner of each part of `from`..`to` as seen from an epoch. */
  eachOwned(
    seenFrom: string,
    from: number,
    to: number,
    use: (epoch: string, from: number, to: number) => void,
  ): void;
}

export interface EpochEvidence {
  readonly assertions: Assertions;
  readonly log: FinalLog | undefined;
  /** Tops that joins named; a gap names an epoch without a top. */
  readonly joins: readonly Place[];
  readonly epochChanges: Iterable<EpochChange>;
  /** When an epoch was first heard of, other than from old pages and the log. */
  readonly heardAt: ReadonlyMap<string, number>;
}

export function createEpochs(evidence: EpochEvidence): Epochs {
  const { assertions, log, heardAt } = evidence;
  const firsts = firstNumbers(evidence);
  const order = orderOf([...firsts.keys()], evidence);
  const ranks = new Map(order.map((epoch, rank) => [epoch, rank]));
  const skipped = skippedRanges(log);
  const rankOf = (epoch: string) => ranks.get(epoch) ?? -1;
  const firstOf = (epoch: string | undefined) => firsts.get(epoch ?? '') ?? Number.POSITIVE_INFINITY;

  function kept(epoch: string, seenFrom: string): number {
    let upTo = Number.POSITIVE_INFINITY;
    for (let rank = rankOf(epoch) + 1; rank <= rankOf(seenFrom); rank += 1) {
      const next = order[rank];
      const skip = skipped.find(({ epoch: into }) => into === next);
      upTo = Math.min(upTo, firstOf(next) - 1, skip ? skip.from - 1 : upTo);
    }
    return upTo;
  }

  const newest = order.at(-1);

  function isVoid({ epoch, seq }: Place): boolean {
    return newest !== undefined && seq > kept(epoch, newest);
  }

  function top(): Place | undefined {
    if (newest === undefined) return undefined;
    let seq = log?.epoch === newest ? topOf(log) : 0;
    for (const epoch of order) {
      for (const assertion of assertions.of(epoch)) {
        if (isGenuine(assertion) && assertion.seq > seq && !isVoid(assertion)) seq = assertion.seq;
      }
    }
    return { epoch: newest, seq };
  }

  return {
    top: top(),
    rankOf,
    heardBy: (t) => order.findLast((epoch) => (heardAt.get(epoch) ?? Number.POSITIVE_INFINITY) <= t),
    compare: (a, b) => rankOf(a.epoch) - rankOf(b.epoch) || a.seq - b.seq,
    kept,
    isVoid,
    eachOwned(seenFrom, from, to, use) {
      const parts: [string, number, number][] = [];
      let end = to;
      for (let rank = rankOf(seenFrom); rank >= 0 && end >= from; rank -= 1) {
        const epoch = order[rank] ?? '';
        const start = rank === 0 ? from : Math.max(from, firstOf(epoch));
        if (start > end) continue;
        parts.push([epoch, start, end]);
        end = start - 1;
      }
      for (const [epoch, start, stop] of parts.reverse()) use(epoch, start, stop);
    },
  };
}

export function topOf({ entries, top }: FinalLog): number {
  return Math.max(top ?? 0, entries.at(-1)?.seq ?? 0);
}

/** The first number of every epoch that trustworthy evidence names. A join at top 7 shows that its epoch began at 8 or before. */
function firstNumbers({ assertions, log, joins }: EpochEvidence): Map<string, number> {
  const firsts = new Map<string, number>();
  const lower = (epoch: string, seq: number) => {
    firsts.set(epoch, Math.min(seq, firsts.get(epoch) ?? Number.POSITIVE_INFINITY));
  };
  for (const epoch of assertions.epochs()) {
    for (const assertion of assertions.of(epoch)) if (isGenuine(assertion)) lower(epoch, assertion.seq);
  }
  for (const { epoch, seq } of joins) lower(epoch, seq + 1);
  if (log) lower(log.epoch, topOf(log) + 1);
  return firsts;
}

/** Numbers that the log leaves out where it changes its epoch. */
function skippedRanges(log: FinalLog | undefined) {
  const ranges: { readonly epoch: string; readonly from: number; readonly to: number }[] = [];
  const entries = log?.entries ?? [];
  for (let at = 1; at < entries.length; at += 1) {
    const [before, entry] = [entries[at - 1], entries[at]];
    if (before && entry && entry.epoch !== before.epoch && entry.seq > before.seq + 1) {
      ranges.push({ epoch: entry.epoch, from: before.seq + 1, to: entry.seq - 1 });
    }
  }
  return ranges;
}

/**
 * Most clients and the log decide the order of two epochs; the time each was first heard of decides the rest.
 * A clock alone would not do: a slow worker's members hear of a short epoch after others have joined the next.
 */
function orderOf(epochs: readonly string[], { log, epochChanges, heardAt }: EpochEvidence): string[] {
  const votes = new Map<string, Map<string, number>>();
  const vote = (before: string, after: string, weight: number) => {
    const of = votes.get(before) ?? new Map<string, number>();
    votes.set(before, of.set(after, (of.get(after) ?? 0) + weight));
  };
  for (const { from, to, announced } of epochChanges) if (!announced) vote(from.epoch, to, 1);
  const logged = [
    ...new Set([...(log?.entries ?? []).map(({ epoch }) => epoch), ...(log ? [log.epoch] : [])]),
  ];
  logged.forEach((epoch, at) => {
    const next = logged[at + 1];
    if (next !== undefined) vote(epoch, next, Number.MAX_SAFE_INTEGER);
  });
  const precedes = (a: string, b: string) => (votes.get(a)?.get(b) ?? 0) > (votes.get(b)?.get(a) ?? 0);

  const left = new Set(epochs);
  const time = (epoch: string) =>
    heardAt.get(epoch) ?? (epoch === log?.epoch ? Number.POSITIVE_INFINITY : -1);
  const order: string[] = [];
  while (left.size > 0) {
    const byTime = [...left].sort((a, b) => Math.sign(time(a) - time(b)) || 0);
    const free = byTime.find((epoch) => !byTime.some((other) => precedes(other, epoch)));
    const next = free ?? byTime[0] ?? '';
    order.push(next);
    left.delete(next);
  }
  return order;
}

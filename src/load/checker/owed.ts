import { type Claims, genuineAt } from './claims.ts';
import type { Epochs } from './epochs.ts';
import type { FinalLog, LeaveRecord } from './history.ts';
import type { Place } from './messages.ts';
import { eachMissing } from './spans.ts';
import type { Mark, Stream } from './stream.ts';
import type { Counts, Findings } from './verdict.ts';

export interface OwedDeps {
  readonly room: string;
  readonly claims: Claims;
  readonly epochs: Epochs;
  readonly log: FinalLog | undefined;
  readonly counts: Counts;
  readonly findings: Findings;
  /** Numbers told as holes already: a message nobody has is missing at every member. */
  readonly holes: Set<string>;
}

/**
 * Walks a membership and compares what it was owed, by number, with what came. A gap or `recovered: false` takes
 * off exactly what it said. Time plays no part, so being away changes nothing.
 */
export function settle(stream: Stream, deps: OwedDeps): void {
  const { epochs, counts } = deps;
  let position: Place | undefined;
  let promised: Place | undefined;
  const later = (a: Place, b: Place | undefined) => (b && epochs.compare(b, a) > 0 ? b : a);
  for (const mark of stream.marks) {
    if (mark.turn === 'start') {
      position = mark.at;
      promised = undefined;
    } else if (!position) {
    } else if (mark.turn === 'reach') {
      promised = later(mark.at, promised);
    } else if (mark.turn === 'end') {
      const got = later(later(mark.got, promised), mark.claimed);
      owe(stream, position, mark.left ? endOf(mark.left, got, epochs) : got, deps);
      if (mark.waivedTo) counts.waived += Math.max(0, mark.waivedTo.seq - got.seq);
      position = undefined;
    } else {
      judgeGap(stream, mark, deps);
      owe(stream, position, { epoch: mark.epoch, seq: mark.from - 1 }, deps);
      if (mark.reason === 'epoch') {
        position = { epoch: mark.epoch, seq: mark.from - 1 };
        if (promised && epochs.rankOf(promised.epoch) < epochs.rankOf(mark.epoch)) promised = undefined;
      } else {
        counts.waived += Math.max(0, mark.to - Math.max(position.seq, mark.from - 1));
        position = later(position, { epoch: mark.epoch, seq: mark.to });
      }
    }
  }
  if (position && epochs.top) owe(stream, position, later(epochs.top, promised), deps);
  judgePassages(stream, deps);
}

function endOf({ t, seq, epoch }: LeaveRecord, got: Place, epochs: Epochs): Place {
  if (seq === undefined) return got;
  const newest = epoch ?? epochs.heardBy(t) ?? got.epoch;
  return { epoch: epochs.rankOf(newest) < epochs.rankOf(got.epoch) ? got.epoch : newest, seq };
}

function owe(stream: Stream, from: Place, to: Place, deps: OwedDeps): void {
  const { room, claims, epochs, counts, findings, holes } = deps;
  const { client } = stream;
  if (epochs.rankOf(to.epoch) < epochs.rankOf(from.epoch)) return;
  const start = Math.min(from.seq, epochs.kept(from.epoch, to.epoch)) + 1;
  epochs.eachOwned(to.epoch, start, to.seq, (epoch, first, last) => {
    counts.expected += last - first + 1;
    eachMissing(stream.got.get(epoch), first, last, (seq) => {
      const claim = genuineAt(claims, epoch, seq);
      const message = claim?.message;
      if (!claim) {
        counts.expected -= 1;
        const place = `${epoch} ${seq}`;
        if (epochs.isVoid({ epoch, seq }) || holes.has(place)) return;
        holes.add(place);
        findings.add({ kind: 'hole', room, client, epoch, seq, detail: 'no message has this number' });
      } else if (message?.unechoed && message.sender === client) {
        counts.expected -= 1;
      } else if (epochs.isVoid({ epoch, seq }) && epochs.rankOf(to.epoch) > epochs.rankOf(epoch)) {
        // The store lost it before this client had it: counted there, and the new epoch said so.
        counts.expected -= 1;
      } else {
        counts.lost += 1;
        const detail = 'was owed and never came';
        findings.add({ kind: 'lost', room, client, epoch, seq, ...(message && { id: message.id }), detail });
      }
    });
  });
}

/** What a log still has at the end, it had when the gap was said. */
function judgeGap(
  { client }: Stream,
  gap: Mark & { turn: 'gap' },
  { room, epochs, log, findings }: OwedDeps,
): void {
  for (const entry of overlapping(log, gap.from, gap.to)) {
    const older = epochs.rankOf(entry.epoch) < epochs.rankOf(gap.epoch);
    if (gap.reason === 'epoch' && !older) continue;
    if (gap.reason === 'trimmed' && epochs.rankOf(entry.epoch) > epochs.rankOf(gap.epoch)) continue;
    const { epoch, seq } = entry;
    const detail = `a gap ${gap.from}..${gap.to} was said, but the log still has this`;
    findings.add({ kind: 'false-gap', room, client, epoch, seq, detail });
  }
}

function overlapping(log: FinalLog | undefined, from: number, to: number) {
  return (log?.entries ?? []).filter(({ seq }) => seq >= from && seq <= to);
}

function judgePassages({ client, passages }: Stream, { room, epochs, findings }: OwedDeps): void {
  for (const { from, to, told } of passages) {
    const [before, after] = [epochs.rankOf(from.epoch), epochs.rankOf(to)];
    if (before < 0 || after < 0) continue;
    const about = { room, client, epoch: from.epoch, seq: from.seq };
    if (after < before) {
      if (told) continue;
      findings.add({ ...about, kind: 'epoch-returned', detail: `the older epoch ${to} came after this` });
    } else if (from.seq > epochs.kept(from.epoch, to)) {
      const detail = `epoch ${to} voided this, and neither a gap nor recovered: false said so`;
      findings.add({ ...about, kind: 'silent-epoch', detail });
    }
  }
}

import { genuineAt } from './assertions.ts';
import type { Epochs } from './epochs.ts';
import type { FinalLog, LeaveRecord } from './history.ts';
import { eachMissing } from './interval-set.ts';
import type { LogCheckDeps } from './log-check.ts';
import type { Place } from './messages.ts';
import type { MembershipTurn, Stream } from './stream.ts';
import type { Counts } from './verdict.ts';

export interface ExpectedDeliveriesDeps extends LogCheckDeps {
  readonly counts: Counts;
}

/**
 * Walks a membership and compares the expected deliveries, by number, with those that came. A gap or
 * `recovered: false` waives exactly what it names. Time plays no part, so being away changes nothing.
 */
export function checkExpectedDeliveries(stream: Stream, deps: ExpectedDeliveriesDeps): void {
  const { epochs, counts } = deps;
  let position: Place | undefined;
  let promised: Place | undefined;
  const later = (a: Place, b: Place | undefined) => (b && epochs.compare(b, a) > 0 ? b : a);
  for (const turn of stream.turns) {
    if (turn.kind === 'start') {
      position = turn.at;
      promised = undefined;
    } else if (!position) {
    } else if (turn.kind === 'reach') {
      promised = later(turn.at, promised);
    } else if (turn.kind === 'end') {
      const got = later(later(turn.got, promised), turn.resumedFrom);
      expectDeliveries(stream, position, turn.left ? endOf(turn.left, got, epochs) : got, deps);
      if (turn.waivedTo) counts.waived += Math.max(0, turn.waivedTo.seq - got.seq);
      position = undefined;
    } else {
      judgeGap(stream, turn, deps);
      expectDeliveries(stream, position, { epoch: turn.epoch, seq: turn.from - 1 }, deps);
      if (turn.reason === 'epoch') {
        position = { epoch: turn.epoch, seq: turn.from - 1 };
        if (promised && epochs.rankOf(promised.epoch) < epochs.rankOf(turn.epoch)) promised = undefined;
      } else {
        counts.waived += Math.max(0, turn.to - Math.max(position.seq, turn.from - 1));
        position = later(position, { epoch: turn.epoch, seq: turn.to });
      }
    }
  }
  if (position && epochs.top) expectDeliveries(stream, position, later(epochs.top, promised), deps);
  judgePassages(stream, deps);
}

function endOf({ t, seq, epoch }: LeaveRecord, got: Place, epochs: Epochs): Place {
  if (seq === undefined) return got;
  const newest = epoch ?? epochs.heardBy(t) ?? got.epoch;
  return { epoch: epochs.rankOf(newest) < epochs.rankOf(got.epoch) ? got.epoch : newest, seq };
}

function expectDeliveries(stream: Stream, from: Place, to: Place, deps: ExpectedDeliveriesDeps): void {
  const { room, assertions, epochs, counts, findings, holes } = deps;
  const { client } = stream;
  if (epochs.rankOf(to.epoch) < epochs.rankOf(from.epoch)) return;
  const start = Math.min(from.seq, epochs.kept(from.epoch, to.epoch)) + 1;
  epochs.eachOwned(to.epoch, start, to.seq, (epoch, first, last) => {
    counts.expected += last - first + 1;
    eachMissing(stream.got.get(epoch), first, last, (seq) => {
      const assertion = genuineAt(assertions, epoch, seq);
      const message = assertion?.message;
      if (!assertion) {
        counts.expected -= 1;
        const place = `${epoch} ${seq}`;
        if (epochs.isVoid({ epoch, seq }) || holes.has(place)) return;
        holes.add(place);
        findings.add({ kind: 'hole', room, client, epoch, seq, detail: 'no message has this number' });
      } else if (message?.unechoed && message.sender === client) {
        counts.expected -= 1;
      } else if (epochs.isVoid({ epoch, seq }) && epochs.rankOf(to.epoch) > epochs.rankOf(epoch)) {
        // The store lost it before this client had it: counted there, and the new epoch reported it.
        counts.expected -= 1;
      } else {
        counts.lost += 1;
        const detail = 'was expected and never came';
        findings.add({ kind: 'lost', room, client, epoch, seq, ...(message && { id: message.id }), detail });
      }
    });
  });
}

/** An entry that the log holds at the end, it held when the gap was sent. */
function judgeGap(
  { client }: Stream,
  gap: MembershipTurn & { kind: 'gap' },
  { room, epochs, log, findings }: ExpectedDeliveriesDeps,
): void {
  for (const entry of overlapping(log, gap.from, gap.to)) {
    const older = epochs.rankOf(entry.epoch) < epochs.rankOf(gap.epoch);
    if (gap.reason === 'epoch' && !older) continue;
    if (gap.reason === 'trimmed' && epochs.rankOf(entry.epoch) > epochs.rankOf(gap.epoch)) continue;
    const { epoch, seq } = entry;
    const detail = `a gap ${gap.from}..${gap.to} was sent, but the log still has this`;
    findings.add({ kind: 'false-gap', room, client, epoch, seq, detail });
  }
}

function overlapping(log: FinalLog | undefined, from: number, to: number) {
  return (log?.entries ?? []).filter(({ seq }) => seq >= from && seq <= to);
}

function judgePassages(
  { client, epochChanges }: Stream,
  { room, epochs, findings }: ExpectedDeliveriesDeps,
): void {
  for (const { from, to, announced } of epochChanges) {
    const [before, after] = [epochs.rankOf(from.epoch), epochs.rankOf(to)];
    if (before < 0 || after < 0) continue;
    const about = { room, client, epoch: from.epoch, seq: from.seq };
    if (after < before) {
      if (announced) continue;
      findings.add({ ...about, kind: 'epoch-returned', detail: `the older epoch ${to} came after this` });
    } else if (from.seq > epochs.kept(from.epoch, to)) {
      const detail = `epoch ${to} voided this, and neither a gap nor recovered: false reported it`;
      findings.add({ ...about, kind: 'silent-epoch', detail });
    }
  }
}

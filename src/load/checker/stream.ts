import type { Claim } from './claims.ts';
import type { DeliverRecord, GapRecord, JoinRecord, LeaveRecord } from './history.ts';
import type { Place } from './messages.ts';
import { addTo, createSpans, includes, type Spans } from './spans.ts';

/*
 * One client in one room, read in the order the client saw it:
 *
 *   away ──join──► member ──leave──► away        member ──join, recovered: false──► member, anew
 *
 * While it is read only order and repeats can be judged. What was owed depends on where epochs end, which other
 * clients' records tell: so the turns of the membership are kept as marks, and `owed.ts` walks them at the end.
 */

/** Where a membership turned. */
export type Mark =
  | { readonly turn: 'start'; readonly at: Place }
  /** Everything up to here was promised. */
  | { readonly turn: 'reach'; readonly at: Place }
  | {
      readonly turn: 'gap';
      readonly epoch: string;
      readonly from: number;
      readonly to: number;
      readonly reason: GapRecord['reason'];
    }
  /** Owed up to the leave's seq if the client knew it, else up to what it got, was promised or claimed to have. */
  | {
      readonly turn: 'end';
      readonly got: Place;
      readonly left?: LeaveRecord;
      readonly claimed?: Place;
      readonly waivedTo?: Place;
    };

/** A delivery that came at the wrong moment, unless it or the one `over` it turns out to be nobody's message. */
export interface Misorder {
  readonly kind: 'repeated' | 'swapped' | 'before-join' | 'epoch-returned';
  readonly claim: Claim;
  readonly over?: Claim;
}

/** The client went on from one epoch to another. */
export interface Passage {
  readonly from: Place;
  readonly to: string;
  /** A gap had told it, so the order of the two says nothing. */
  readonly told: boolean;
}

export interface Stream {
  readonly client: string;
  readonly got: Map<string, Spans>;
  /** Pages of the present membership. */
  shown: Map<string, Spans>;
  member: boolean;
  base: Place;
  cursor: Place;
  /** The newest message it has in its place; a trimmed gap moves only the cursor. */
  held: Place;
  /** Set by a gap, until the next delivery. */
  told: boolean;
  /** The cursor before the newest delivery, if that one did not follow on. */
  leapt?: Place;
  newest?: Claim;
  /** Links the client had lost at its last join. */
  cutsAtJoin: number;
  lastAcked?: Place;
  readonly marks: Mark[];
  readonly misorders: Misorder[];
  readonly passages: Passage[];
}

const NOWHERE: Place = { epoch: '', seq: 0 };

export function createStream(client: string): Stream {
  return {
    client,
    got: new Map(),
    shown: new Map(),
    member: false,
    base: NOWHERE,
    cursor: NOWHERE,
    held: NOWHERE,
    told: false,
    cutsAtJoin: 0,
    marks: [],
    misorders: [],
    passages: [],
  };
}

/** `cuts`: how many links this client has lost so far. */
export function joined(stream: Stream, { epoch, seq, resumed }: JoinRecord, cuts: number): void {
  const top = { epoch, seq };
  if (resumed?.recovered) {
    if (!stream.member) begin(stream, { epoch: resumed.epoch, seq: resumed.seq });
    pass(stream, epoch);
    stream.marks.push({ turn: 'reach', at: top });
  } else if (stream.member && !resumed && stream.cutsAtJoin === cuts) {
    stream.marks.push({ turn: 'reach', at: top });
  } else {
    if (stream.member) {
      stream.marks.push({
        turn: 'end',
        got: stream.cursor,
        waivedTo: top,
        ...(resumed && { claimed: resumed }),
      });
    }
    begin(stream, top);
  }
  stream.cutsAtJoin = cuts;
}

function begin(stream: Stream, at: Place): void {
  stream.member = true;
  stream.base = at;
  stream.cursor = at;
  stream.held = at;
  stream.told = false;
  delete stream.leapt;
  stream.shown = new Map();
  stream.marks.push({ turn: 'start', at });
}

export function left(stream: Stream, record: LeaveRecord): void {
  if (!stream.member) return;
  stream.member = false;
  stream.marks.push({ turn: 'end', got: stream.cursor, left: record });
}

export function gapped(stream: Stream, { epoch, from, to, reason }: GapRecord): void {
  if (!stream.member) return;
  stream.marks.push({ turn: 'gap', epoch, from, to, reason });
  delete stream.leapt;
  if (reason === 'epoch') {
    stream.cursor = { epoch, seq: from - 1 };
    stream.held = stream.cursor;
    stream.told = true;
  } else if (to > stream.cursor.seq) {
    stream.cursor = { epoch: stream.cursor.epoch, seq: to };
  }
}

/** `first`: the claim is the first one made for its number. */
export function delivered(
  stream: Stream,
  { epoch, seq, source }: DeliverRecord,
  claim: Claim,
  first: boolean,
): void {
  if (source === 'history') {
    if (!addTo(spansOf(stream.shown, epoch), seq)) stream.misorders.push({ kind: 'repeated', claim });
    return;
  }
  const { cursor, leapt } = stream;
  const visited = stream.got.has(epoch);
  const got = spansOf(stream.got, epoch);
  const inShown = stream.shown.get(epoch);
  if (includes(got, seq) || (inShown && includes(inShown, seq))) {
    // Another message under a number this client had is told as what it is, not as a repeat.
    if (first) stream.misorders.push({ kind: 'repeated', claim });
    return;
  }
  addTo(got, seq);
  delete stream.leapt;
  if (epoch === cursor.epoch && seq === cursor.seq + 1) {
    stream.cursor = claim;
    stream.held = claim;
  } else if (leapt && epoch === leapt.epoch && seq === leapt.seq + 1) {
    stream.misorders.push({ kind: 'swapped', claim, ...(stream.newest && { over: stream.newest }) });
    stream.cursor = claim;
    stream.held = claim;
  } else if (epoch === cursor.epoch && seq > cursor.seq) {
    stream.leapt = cursor;
    stream.cursor = claim;
    stream.held = claim;
  } else if (epoch === cursor.epoch || visited) {
    const early = epoch === stream.base.epoch && seq <= stream.base.seq;
    const kind = early ? 'before-join' : seq > cursor.seq ? 'epoch-returned' : 'swapped';
    stream.misorders.push({ kind, claim, ...(stream.newest && { over: stream.newest }) });
  } else {
    pass(stream, epoch);
    stream.leapt = cursor;
    stream.cursor = claim;
    stream.held = claim;
  }
  stream.told = false;
  stream.newest = claim;
}

function pass(stream: Stream, to: string): void {
  const { held: from, told } = stream;
  const before = stream.passages.at(-1);
  const known = before?.from === from && before.to === to;
  if (from.epoch !== to && !known) stream.passages.push({ from, to, told });
}

function spansOf(spans: Map<string, Spans>, epoch: string): Spans {
  let found = spans.get(epoch);
  if (!found) {
    found = createSpans();
    spans.set(epoch, found);
  }
  return found;
}

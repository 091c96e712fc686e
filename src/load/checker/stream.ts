import type { Assertion } from './assertions.ts';
import type { DeliverRecord, GapRecord, JoinRecord, LeaveRecord } from './history.ts';
import { addTo, createIntervalSet, type IntervalSet, includes } from './interval-set.ts';
import type { Place } from './messages.ts';

/*
 * One client in one room, read in the order the client saw it:
 *
 *   away ──join──► member ──leave──► away        member ──join, recovered: false──► new member
 *
 * Reading it can judge order and repeats only. The expected deliveries depend on where epochs end, which the records of
 * other clients show: the stream keeps the turns of the membership, and `expected-deliveries.ts` walks them at the end.
 */

/** A change in what a membership entitles the client to. */
export type MembershipTurn =
  | { readonly kind: 'start'; readonly at: Place }
  /** The client is entitled to everything up to this position. */
  | { readonly kind: 'reach'; readonly at: Place }
  | {
      readonly kind: 'gap';
      readonly epoch: string;
      readonly from: number;
      readonly to: number;
      readonly reason: GapRecord['reason'];
    }
  /** Deliveries are expected up to the leave's seq if the client knew it, else up to what it got, was promised or
   * said it has. */
  | {
      readonly kind: 'end';
      readonly got: Place;
      readonly left?: LeaveRecord;
      readonly resumedFrom?: Place;
      readonly waivedTo?: Place;
    };

/** A delivery at the wrong moment, unless it or the one `over` it turns out to be no message of anybody. */
export interface Misorder {
  readonly kind: 'repeated' | 'swapped' | 'before-join' | 'epoch-returned';
  readonly assertion: Assertion;
  readonly over?: Assertion;
}

/** The client went on from one epoch to another. */
export interface EpochChange {
  readonly from: Place;
  readonly to: string;
  /** A gap announced it, so it says nothing about the order of the two epochs. */
  readonly announced: boolean;
}

export interface Stream {
  readonly client: string;
  readonly got: Map<string, IntervalSet>;
  /** Pages of the present membership. */
  shown: Map<string, IntervalSet>;
  member: boolean;
  base: Place;
  cursor: Place;
  /** The newest message that came in order; a trimmed gap moves only the cursor. */
  lastInPlace: Place;
  /** Set by a gap, until the next delivery. */
  announced: boolean;
  /** The cursor before the newest delivery, if that one did not follow on. */
  leapt?: Place;
  newest?: Assertion;
  /** Connections the client had lost at its last join. */
  cutsAtJoin: number;
  lastAcked?: Place;
  readonly turns: MembershipTurn[];
  readonly misorders: Misorder[];
  readonly epochChanges: EpochChange[];
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
    lastInPlace: NOWHERE,
    announced: false,
    cutsAtJoin: 0,
    turns: [],
    misorders: [],
    epochChanges: [],
  };
}

/** `cuts`: how many connections this client has lost so far. */
export function recordJoin(stream: Stream, { epoch, seq, resumed }: JoinRecord, cuts: number): void {
  const top = { epoch, seq };
  if (resumed?.recovered) {
    if (!stream.member) begin(stream, { epoch: resumed.epoch, seq: resumed.seq });
    changeEpoch(stream, epoch);
    stream.turns.push({ kind: 'reach', at: top });
  } else if (stream.member && !resumed && stream.cutsAtJoin === cuts) {
    stream.turns.push({ kind: 'reach', at: top });
  } else {
    if (stream.member) {
      stream.turns.push({
        kind: 'end',
        got: stream.cursor,
        waivedTo: top,
        ...(resumed && { resumedFrom: resumed }),
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
  stream.lastInPlace = at;
  stream.announced = false;
  delete stream.leapt;
  stream.shown = new Map();
  stream.turns.push({ kind: 'start', at });
}

export function recordLeave(stream: Stream, record: LeaveRecord): void {
  if (!stream.member) return;
  stream.member = false;
  stream.turns.push({ kind: 'end', got: stream.cursor, left: record });
}

export function recordGap(stream: Stream, { epoch, from, to, reason }: GapRecord): void {
  if (!stream.member) return;
  stream.turns.push({ kind: 'gap', epoch, from, to, reason });
  delete stream.leapt;
  if (reason === 'epoch') {
    stream.cursor = { epoch, seq: from - 1 };
    stream.lastInPlace = stream.cursor;
    stream.announced = true;
  } else if (to > stream.cursor.seq) {
    stream.cursor = { epoch: stream.cursor.epoch, seq: to };
  }
}

/** `first`: the assertion is the first one made for its number. */
export function recordDelivery(
  stream: Stream,
  { epoch, seq, source }: DeliverRecord,
  assertion: Assertion,
  first: boolean,
): void {
  if (source === 'history') {
    if (!addTo(intervalsOf(stream.shown, epoch), seq)) stream.misorders.push({ kind: 'repeated', assertion });
    return;
  }
  const { cursor, leapt } = stream;
  const visited = stream.got.has(epoch);
  const got = intervalsOf(stream.got, epoch);
  const inShown = stream.shown.get(epoch);
  if (includes(got, seq) || (inShown && includes(inShown, seq))) {
    // Another message under a number that this client has is reported as such, not as a repeat.
    if (first) stream.misorders.push({ kind: 'repeated', assertion });
    return;
  }
  addTo(got, seq);
  delete stream.leapt;
  if (epoch === cursor.epoch && seq === cursor.seq + 1) {
    stream.cursor = assertion;
    stream.lastInPlace = assertion;
  } else if (leapt && epoch === leapt.epoch && seq === leapt.seq + 1) {
    stream.misorders.push({ kind: 'swapped', assertion, ...(stream.newest && { over: stream.newest }) });
    stream.cursor = assertion;
    stream.lastInPlace = assertion;
  } else if (epoch === cursor.epoch && seq > cursor.seq) {
    stream.leapt = cursor;
    stream.cursor = assertion;
    stream.lastInPlace = assertion;
  } else if (epoch === cursor.epoch || visited) {
    const early = epoch === stream.base.epoch && seq <= stream.base.seq;
    const kind = early ? 'before-join' : seq > cursor.seq ? 'epoch-returned' : 'swapped';
    stream.misorders.push({ kind, assertion, ...(stream.newest && { over: stream.newest }) });
  } else {
    changeEpoch(stream, epoch);
    stream.leapt = cursor;
    stream.cursor = assertion;
    stream.lastInPlace = assertion;
  }
  stream.announced = false;
  stream.newest = assertion;
}

function changeEpoch(stream: Stream, to: string): void {
  const { lastInPlace: from, announced } = stream;
  const before = stream.epochChanges.at(-1);
  const known = before?.from === from && before.to === to;
  if (from.epoch !== to && !known) stream.epochChanges.push({ from, to, announced });
}

function intervalsOf(byEpoch: Map<string, IntervalSet>, epoch: string): IntervalSet {
  let found = byEpoch.get(epoch);
  if (!found) {
    found = createIntervalSet();
    byEpoch.set(epoch, found);
  }
  return found;
}

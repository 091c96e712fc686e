import { describe, expect, it } from 'vitest';
import { createLiveFindings } from '../../src/load/checker/live/findings.ts';
import { MemberOrder } from '../../src/load/checker/live/member-order.ts';
import { NUMBERS_FROM, type Origin, originOf, textOf } from '../../src/load/checker/live/origin-text.ts';
import { createBlockComparison, createRoomBlocks } from '../../src/load/checker/live/room-blocks.ts';
import { RoomCheck, type SenderProblem } from '../../src/load/checker/live/room-check.ts';
import { createSenderRecord } from '../../src/load/checker/live/sender-record.ts';
import { highestTops } from '../../src/load/driver/crowd-windows.ts';

const BYTES = 100;

function stage(checkSender: (origin: Origin, seq: number) => SenderProblem | undefined = () => undefined) {
  const findings = createLiveFindings();
  const check = new RoomCheck({
    room: 'tea',
    kept: 16,
    read: (frame) => JSON.parse(frame),
    nameOf: (id) => `u${id}`,
    checkSender,
    findings,
    blocks: undefined,
  });
  const member = (last = 0) => {
    const order = new MemberOrder('a member', findings);
    order.begin(last);
    return order;
  };
  const take = (
    order: MemberOrder,
    seq: number,
    over: Partial<Origin & { room: string; username: string; epoch: string }> = {},
  ) => {
    const { room = 'tea', username = `u${over.client ?? 1}` } = over;
    const text = textOf({ timeUs: 7, client: 1, number: NUMBERS_FROM + seq, to: 'tea', ...over }, BYTES);
    const frame = Buffer.from(JSON.stringify({ text, room, username, epoch: over.epoch }));
    return check.take(order, seq, frame, 0, frame.length);
  };
  return { findings, check, member, take };
}

describe('the live check of a room', () => {
  it('finds nothing if every member gets every number', () => {
    const { findings, member, take } = stage();
    const [one, other] = [member(), member()];
    for (let seq = 1; seq <= 100; seq += 1)
      for (const order of [one, other]) expect(take(order, seq)).toBe(7);
    expect(findings.kept).toEqual([]);
    expect([one.last, other.last]).toEqual([100, 100]);
  });

  it('counts a gap as lost, and as a swap once what was missing comes', () => {
    const { findings, member, take } = stage();
    const order = member();
    for (const seq of [1, 2, 5]) take(order, seq);
    expect(findings.counts).toMatchObject({ lost: 2, swapped: 0 });
    expect(findings.kept).toEqual([{ kind: 'lost', detail: 'a member got 5 after 2' }]);
    take(order, 3);
    expect(findings.counts).toMatchObject({ lost: 1, swapped: 1, repeated: 0 });
    take(order, 4);
    expect(findings.counts).toMatchObject({ lost: 0, swapped: 2, repeated: 0 });
    expect(findings.kept.map(({ kind }) => kind)).toEqual(['swapped', 'swapped']);
  });

  it('does not miss a message whose sender’s next one came first and whose ack came last', () => {
    const record = createSenderRecord({
      numbered: true,
      isOthers: (seq, number) => check.isOthers(seq, 1, number),
    });
    const { findings, check, member, take } = stage((origin, seq) => record.delivered(origin.number, seq));
    for (let number = 1; number <= 9; number += 1) record.said(NUMBERS_FROM + number);
    const order = member();
    for (const seq of [1, 3, 2]) take(order, seq);
    for (const seq of [1, 2, 3]) expect(record.acked(NUMBERS_FROM + seq, seq)).toBeUndefined();
    take(order, 4);
    expect(record.undelivered()).toEqual([]);
    expect(findings.counts).toMatchObject({ lost: 0, swapped: 1 });
    expect(check.isOthers(2, 1, NUMBERS_FROM + 1)).toBe(true);
  });

  it('survives a number that jumps far ahead', () => {
    const { findings, member, take } = stage();
    const order = member();
    for (const seq of [1, 2_000_000_002, 2_000_000_001]) take(order, seq);
    expect(findings.counts).toMatchObject({ lost: 1_999_999_999, swapped: 1, repeated: 0 });
  });

  it('finds a number that comes again, and one from before the join', () => {
    const { findings, member, take } = stage();
    const order = member(3);
    for (const seq of [4, 4, 2]) take(order, seq);
    expect(findings.counts).toMatchObject({ lost: 0, repeated: 2 });
  });

  it('counts what a member lacks at the end', () => {
    const { findings, member, take } = stage();
    const order = member();
    take(order, 1);
    order.end(4);
    expect(findings.counts.lost).toBe(3);
    order.end(4);
    expect(findings.counts.lost).toBe(3);
  });

  it('waives what the server reports as gone, and takes a member in at any number', () => {
    const { findings, member, take } = stage();
    const order = member();
    take(order, 1);
    expect(order.skipTo(5)).toBe(3);
    take(order, 5);
    const late = member();
    late.beginAnywhere();
    take(late, 9);
    take(late, 10);
    expect(findings.kept).toEqual([]);
  });

  it('does not take a message of another room, of nobody, or of somebody else’s name for the room’s', () => {
    const { findings, check, member, take } = stage();
    const order = member();
    expect(take(order, 1, { to: 'coffee' })).toBeUndefined();
    expect(take(order, 1, { room: 'coffee' })).toBeUndefined();
    expect(take(order, 1, { username: 'eve' })).toBeUndefined();
    const frame = Buffer.from(JSON.stringify({ text: '@ hello' }));
    expect(check.take(order, 1, frame, 0, frame.length)).toBeUndefined();
    expect(findings.counts).toMatchObject({ leaked: 2, phantom: 2, lost: 0 });
    take(order, 1);
    expect(order.last).toBe(1);
  });

  it('finds that two members got different messages under one number', () => {
    const { findings, member, take } = stage();
    take(member(), 1);
    take(member(), 1, { number: NUMBERS_FROM + 2 });
    expect(findings.counts).toMatchObject({ swapped: 1 });
  });

  it('says how many contents it could not compare with a member that is far behind', () => {
    const { findings, check, member, take } = stage();
    const [fast, slow] = [member(), member()];
    for (let seq = 1; seq <= 20; seq += 1) take(fast, seq);
    for (let seq = 1; seq <= 20; seq += 1) take(slow, seq);
    expect(check.uncompared).toBe(4);
    expect(findings.kept).toEqual([]);
  });
});

describe('the live check of a room whose numbers begin anew', () => {
  it('compares the messages of an epoch, and lets its members enter it one after the other', () => {
    const { findings, check, member, take } = stage();
    const [early, late] = [member(), member()];
    for (const order of [early, late])
      for (let seq = 1; seq <= 20; seq += 1) take(order, seq, { epoch: 'e' });
    take(early, 21, { epoch: 'e' });
    early.begin(0);
    for (let seq = 1; seq <= 20; seq += 1) take(early, seq, { epoch: 'f', number: NUMBERS_FROM + 100 + seq });
    take(late, 21, { epoch: 'e' });
    late.begin(0);
    for (let seq = 1; seq <= 20; seq += 1) take(late, seq, { epoch: 'f', number: NUMBERS_FROM + 100 + seq });
    expect(check.epochs).toEqual(['e', 'f']);
    expect(findings.kept).toEqual([]);
    take(member(), 20, { epoch: 'f', number: NUMBERS_FROM + 1 });
    expect(findings.counts).toMatchObject({ swapped: 1 });
  });

  it('holds nobody to what was acked in an epoch that is over', () => {
    const tops = highestTops([
      { tops: [{ room: 'tea', epochs: ['e', 'f'], top: 3 }] },
      { tops: [{ room: 'tea', epochs: ['e'], top: 500 }] },
      { tops: [{ room: 'tea', epochs: ['f'], top: 4 }] },
    ]);
    expect(tops).toEqual({ tea: 4 });
  });
});

describe('blocks of a room in several processes', () => {
  const origin = (number: number) => ({ timeUs: 7, client: 1, number: NUMBERS_FROM + number, to: 'tea' });

  it('agree if each process got the same, and are found if two messages changed places', () => {
    const processes = [0, 1, 2].map(() => createRoomBlocks('tea'));
    const comparison = createBlockComparison();
    for (let seq = 1; seq <= 400; seq += 1) {
      processes[0]?.add(seq, origin(seq));
      // Another order of arrival makes no difference, another order of numbers does.
      const other = ((seq - 1) ^ 1) + 1;
      processes[1]?.add(other, origin(other));
      processes[2]?.add(seq, origin(seq === 200 ? 201 : seq === 201 ? 200 : seq));
    }
    comparison.add(processes[0]?.take() ?? []);
    comparison.add(processes[1]?.take() ?? []);
    expect(comparison.findings).toEqual([]);
    comparison.add(processes[2]?.take() ?? []);
    expect(comparison.findings).toEqual([
      { kind: 'swapped', detail: 'members of tea in two processes got different messages from 193 on' },
    ]);
    for (const each of processes) comparison.add(each.take(true));
    expect(comparison).toMatchObject({ differences: 1, comparedShare: 1 });
  });
});

describe('a short room in several processes', () => {
  const origin = (number: number) => ({ timeUs: 7, client: 1, number: NUMBERS_FROM + number, to: 'tea' });
  const compared = (numbers: readonly (readonly [seq: number, own: number, epoch?: string])[][]) => {
    const comparison = createBlockComparison();
    for (const each of numbers) {
      const blocks = createRoomBlocks('tea');
      for (const [seq, own, epoch] of each) blocks.add(seq, origin(own), epoch);
      comparison.add(blocks.take(true));
    }
    return comparison;
  };

  it('is compared at the end', () => {
    const right = [1, 2, 3].map((seq) => [seq, seq] as const);
    expect(compared([right, right])).toMatchObject({ differences: 0, comparedShare: 1 });
    const swapped = [
      [1, 1],
      [2, 3],
      [3, 2],
    ] as const;
    expect(compared([right, [...swapped]])).toMatchObject({ differences: 1, comparedShare: 1 });
  });

  it('counts as not compared if the processes got different parts of it', () => {
    const right = [1, 2, 3].map((seq) => [seq, seq] as const);
    expect(compared([right, right.slice(1)])).toMatchObject({ differences: 0, comparedShare: 0 });
  });

  it('is compared within an epoch only', () => {
    const one = [[1, 1, 'e'] as const, [1, 9, 'f'] as const];
    expect(compared([one, [...one].reverse()])).toMatchObject({ differences: 0, comparedShare: 1 });
  });
});

describe('an origin', () => {
  const origin = { timeUs: 1_234, client: 5, number: NUMBERS_FROM + 1, to: 'tea' };

  it('is read out of its text, and out of no other', () => {
    const text = textOf(origin, BYTES);
    expect(text).toHaveLength(BYTES);
    expect(originOf(text)).toEqual(origin);
    expect(originOf(text.replace('station', 'stations'))).toBeUndefined();
    expect(originOf(text.slice(0, -1))).toBeUndefined();
    expect(originOf(text.replace(`tea ${BYTES}`, `tea ${BYTES - 1}`))).toEqual(origin);
    expect(originOf(text.replace(`tea ${BYTES}`, 'tea 99999999999'))).toBeUndefined();
    expect(originOf('hello')).toBeUndefined();
  });
});

describe('a sender’s record', () => {
  const n = (number: number) => NUMBERS_FROM + number;
  const record = (taken: readonly number[] = []) => {
    const own = createSenderRecord({ numbered: true, isOthers: (seq) => taken.includes(seq) });
    const say = (from: number, to = from) => {
      for (let each = from; each <= to; each += 1) own.said(n(each));
    };
    return { ...own, say };
  };

  it('has no problem whichever of ack and delivery is first', () => {
    const own = record();
    own.say(1, 2);
    expect(own.acked(n(1), 4)).toBeUndefined();
    expect(own.delivered(n(1), 4)).toBeUndefined();
    expect(own.delivered(n(2), 6)).toBeUndefined();
    expect(own.acked(n(2), 6)).toBeUndefined();
    expect(own.undelivered()).toEqual([]);
  });

  it('finds that a message does not stand where its ack says', () => {
    const own = record();
    own.say(1, 2);
    own.acked(n(1), 4);
    expect(own.delivered(n(1), 5)).toMatchObject({ kind: 'swapped' });
    own.delivered(n(2), 6);
    expect(own.acked(n(2), 7)).toMatchObject({ kind: 'swapped' });
  });

  it('finds what was refused, was not said yet, or came before', () => {
    const own = record();
    own.say(1, 2);
    own.refused(n(1));
    expect(own.delivered(n(1), 4)).toMatchObject({ kind: 'phantom' });
    expect(own.delivered(n(3), 5)).toMatchObject({ kind: 'phantom' });
    expect(own.delivered(n(2), 6)).toBeUndefined();
    expect(own.delivered(n(2), 7)).toMatchObject({ kind: 'repeated' });
  });

  it('finds what came before it was refused, whatever was acked between', () => {
    const own = record();
    own.say(1, 2);
    own.delivered(n(1), 4);
    own.delivered(n(2), 5);
    own.acked(n(2), 5);
    expect(own.refused(n(1))).toMatchObject({ kind: 'phantom' });
  });

  it('finds that two messages of one connection changed places', () => {
    const own = record();
    own.say(1, 3);
    own.delivered(n(1), 4);
    own.delivered(n(3), 5);
    expect(own.delivered(n(2), 6)).toMatchObject({ kind: 'swapped' });
    expect(own.delivered(n(2), 7)).toMatchObject({ kind: 'repeated' });
  });

  it('lets what was unanswered at the end of a connection come later, once and in its own order', () => {
    const own = record();
    own.say(1, 5);
    own.delivered(n(1), 1);
    own.away();
    own.say(6, 7);
    for (const [number, seq] of [
      [6, 2],
      [2, 3],
      [7, 4],
      [4, 5],
    ] as const)
      expect(own.delivered(n(number), seq)).toBeUndefined();
    expect(own.delivered(n(3), 6)).toMatchObject({ kind: 'swapped' });
    expect(own.delivered(n(4), 7)).toMatchObject({ kind: 'repeated' });
    expect(own.delivered(n(1), 8)).toMatchObject({ kind: 'repeated' });
    expect(own.delivered(n(5), 9)).toBeUndefined();
  });

  it('does not hold the positions of one epoch against those of another', () => {
    const own = record([4]);
    own.say(1, 5);
    own.acked(n(1), 4, 'e');
    own.delivered(n(2), 5, 'e');
    expect(own.delivered(n(4), 1, 'f')).toBeUndefined();
    expect(own.undelivered()).toEqual([]);
    expect(own.delivered(n(3), 6, 'e')).toBeUndefined();
    expect(own.acked(n(2), 5, 'e')).toBeUndefined();
    expect(own.acked(n(4), 1, 'f')).toBeUndefined();
    expect(own.delivered(n(4), 2, 'f')).toMatchObject({ kind: 'repeated' });
  });

  it('finds that another message came in the place of an acked one', () => {
    const own = record([4]);
    own.say(1, 2);
    own.acked(n(1), 4);
    expect(own.undelivered()).toEqual([4]);
    expect(own.delivered(n(2), 5)).toMatchObject({ kind: 'lost', times: 1 });
  });
});

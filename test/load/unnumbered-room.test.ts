import { describe, expect, it } from 'vitest';
import { createLiveFindings } from '../../src/load/checker/live/findings.ts';
import { NUMBERS_FROM, textOf } from '../../src/load/checker/live/origin-text.ts';
import { UnnumberedRoom, type UnnumberedRoomDeps } from '../../src/load/checker/live/unnumbered-room.ts';

const BYTES = 100;
const KEPT = 64;

/** A room of three members, of whom the first and the second speak. */
function stage(over: Partial<UnnumberedRoomDeps> = {}) {
  const findings = createLiveFindings();
  const room = new UnnumberedRoom({
    room: 'tea',
    kept: KEPT,
    roomOrder: true,
    ownMessages: true,
    acknowledged: false,
    nameOf: (id) => `u${id}`,
    findings,
    ...over,
  });
  const members = [0, 1, 2].map((id) => room.createMember(id));
  for (const member of members) member.begin(true);
  const member = (index: number) => members[index] as (typeof members)[number];
  const say = (client: number) => room.say(member(client));
  const frameOf = (client: number, number: number, to = 'tea') => ({
    text: textOf({ timeUs: 7, client, number: NUMBERS_FROM + number, to }, BYTES),
  });
  function take(index: number, client: number, number: number, frame: object = frameOf(client, number)) {
    const bytes = Buffer.from(JSON.stringify(frame));
    return room.take(member(index), (text) => JSON.parse(text), bytes, 0, bytes.length);
  }
  return {
    room,
    findings,
    member,
    say,
    take,
    frameOf,
    record: (index: number) => room.recordOf(member(index)),
  };
}

describe('the check of a room without numbers', () => {
  it('finds nothing if every member gets all that is said, however long', () => {
    const { say, take, findings, room, member } = stage();
    for (let round = 0; round < 5 * KEPT; round += 1) {
      const client = round % 2;
      const number = say(client);
      for (const index of [0, 1, 2]) expect(take(index, client, number)).toBe(7);
    }
    for (const index of [0, 1, 2]) member(index).end();
    expect(findings.kept).toEqual([]);
    expect(room.uncompared).toBe(0);
  });

  it('counts what never comes as lost once, for each member', () => {
    const { say, take, findings, member } = stage();
    for (const number of [say(0), say(1), say(0)]) if (number !== 2) take(0, number % 2 ? 0 : 1, number);
    expect(member(0).lacks()).toBe(1);
    expect(member(1).lacks()).toBe(3);
    for (const index of [0, 1]) member(index).end();
    expect(findings.counts).toMatchObject({ lost: 4, swapped: 0 });
  });

  it('counts a loss at the sender’s next message, and as a swap if it comes then', () => {
    const { say, take, findings, member } = stage();
    const [first, second] = [say(0), say(0)];
    take(1, 0, second);
    expect(findings.counts.lost).toBe(1);
    take(1, 0, first);
    expect(findings.counts).toMatchObject({ lost: 0, swapped: 1, repeated: 0 });
    member(1).end();
    expect(findings.counts).toMatchObject({ lost: 0, swapped: 1 });
  });

  it('still counts what is missing when it is no longer known by itself', () => {
    const { say, take, findings, member } = stage();
    for (let number = 1; number <= 3 * KEPT; number += 1) {
      say(number % 2);
      if (number !== 5) take(2, number % 2, number);
    }
    member(2).end();
    expect(findings.counts).toMatchObject({ lost: 1, swapped: 0 });
  });

  it('does not count as lost what comes very late', () => {
    const { say, take, findings, member, room } = stage();
    for (let number = 1; number <= 3 * KEPT; number += 1) say(0);
    for (let number = 1; number <= 3 * KEPT; number += 1) take(2, 0, number);
    member(2).end();
    expect(findings.kept).toEqual([]);
    expect(room.uncompared).toBe(2 * KEPT);
  });

  it('counts what was not answered in time as not compared', () => {
    const { say, take, room, record, member } = stage({ acknowledged: true });
    const number = say(0);
    take(1, 0, number);
    for (let later = 0; later < KEPT; later += 1) {
      const next = say(1);
      record(1).acked(NUMBERS_FROM + next, undefined);
      for (const index of [0, 1, 2]) take(index, 1, next);
    }
    record(0).acked(NUMBERS_FROM + number, undefined);
    expect(room.uncompared).toBe(2);
    expect(member(2).lacks()).toBe(0);
  });

  it('does not take an old message that comes again for one that never came', () => {
    const { say, take, member, findings } = stage();
    const [first, second] = [say(0), say(1)];
    take(2, 0, first);
    for (let later = 0; later < KEPT; later += 1) take(2, 0, say(0));
    take(2, 0, first);
    expect(member(2).lacks()).toBe(1);
    take(2, 1, second);
    expect(member(2).lacks()).toBe(0);
    member(2).end();
    expect(findings.counts.lost).toBe(0);
  });

  it('does not lose count of more late messages than it remembers', () => {
    const { say, take, member } = stage();
    const said = 10 * KEPT;
    for (let number = 1; number <= said; number += 1) say(0);
    expect(member(2).lacks()).toBe(said);
    for (let number = 1; number < said; number += 1) take(2, 0, number);
    expect(member(2).lacks()).toBe(1);
  });

  it('finds a repeated message', () => {
    const { say, take, findings } = stage();
    const number = say(0);
    for (let times = 0; times < 2; times += 1) take(1, 0, number);
    expect(findings.counts).toMatchObject({ repeated: 1, lost: 0 });
  });

  it('finds that two members got two senders’ messages in different orders, before or after', () => {
    const { say, take, findings } = stage();
    const [one, other] = [say(0), say(1)];
    take(0, 0, one);
    take(2, 1, other);
    take(2, 0, one);
    expect(findings.counts.swapped).toBe(0);
    take(0, 1, other);
    expect(findings.counts.swapped).toBe(1);
    const [third, fourth] = [say(0), say(1)];
    take(0, 0, third);
    take(0, 1, fourth);
    take(2, 1, fourth);
    take(2, 0, third);
    expect(findings.counts).toMatchObject({ swapped: 2, lost: 0 });
  });

  it('takes a lost message for no other order', () => {
    const { say, take, findings, member } = stage();
    const [one, other] = [say(0), say(1)];
    take(0, 1, other);
    for (const index of [1, 2]) {
      take(index, 0, one);
      take(index, 1, other);
    }
    for (const index of [0, 1, 2]) member(index).end();
    expect(findings.counts).toMatchObject({ lost: 1, swapped: 0 });
  });

  it('only counts different orders if the server does not promise one', () => {
    const { say, take, findings, room } = stage({ roomOrder: false });
    const [one, other] = [say(0), say(1)];
    for (const [index, first] of [one, other].entries()) {
      take(index, first === one ? 0 : 1, first);
      take(index, first === one ? 1 : 0, first === one ? other : one);
    }
    expect(findings.kept).toEqual([]);
    expect(room.reordered).toBe(1);
  });

  it('finds messages of other rooms, changed ones and made up ones, and overlooks those of strangers', () => {
    const { say, take, findings, frameOf } = stage();
    const number = say(0);
    take(1, 0, number, frameOf(0, number, 'coffee'));
    take(1, 0, number, { ...frameOf(0, number), room: 'coffee' });
    expect(findings.counts.leaked).toBe(2);
    const { text } = frameOf(0, number);
    take(1, 0, number, { text: text.replace('shall', 'should') });
    take(1, 0, number, { text, username: 'u1' });
    take(1, 0, number, { text, id: '5' });
    take(1, 0, number + 1);
    take(1, 1, number);
    expect(findings.counts.phantom).toBe(5);
    expect(take(1, 0, 0, { text: 'welcome, mail me@tea' })).toBe('aside');
    expect(findings.counts).toMatchObject({ lost: 0, swapped: 0, repeated: 0 });
  });

  it('owes a member nothing that was said before it came, and nothing if it is not confirmed', () => {
    const { say, take, findings, member } = stage();
    const number = say(0);
    member(1).begin(true);
    expect(member(1).lacks()).toBe(0);
    member(2).begin(false);
    const next = say(0);
    expect([1, 2].map((index) => member(index).lacks())).toEqual([1, 0]);
    take(2, 0, next);
    say(0);
    expect(member(2).lacks()).toBe(1);
    // The history of the room, at the beginning of a new membership.
    member(1).begin(true);
    for (const each of [number, next]) take(1, 0, each);
    member(1).begin(true);
    for (const each of [number, next]) take(1, 0, each);
    expect(findings.kept).toEqual([]);
    member(2).begin(false);
    say(0);
    member(2).owe();
    say(0);
    expect(member(2).lacks()).toBe(1);
  });

  it('owes nobody what was refused, or was on its way when its connection ended', () => {
    const { say, take, findings, member, record } = stage({ acknowledged: true });
    const [acked, refused, open] = [say(0), say(0), say(0)];
    record(0).acked(NUMBERS_FROM + acked, undefined);
    record(0).refused(NUMBERS_FROM + refused);
    record(0).away();
    expect(member(1).lacks()).toBe(1);
    take(1, 0, acked);
    take(1, 0, open);
    expect(findings.kept).toEqual([]);
    take(1, 0, refused);
    expect(findings.counts.phantom).toBe(1);
    const later = say(0);
    take(1, 0, later);
    expect(record(0).refused(NUMBERS_FROM + later)).toMatchObject({ kind: 'phantom' });
  });

  it('owes a sender its own messages only where the server sends them', () => {
    const { say, take, member, findings } = stage({ ownMessages: false });
    const number = say(0);
    expect([0, 1].map((index) => member(index).lacks())).toEqual([0, 1]);
    take(1, 0, number);
    expect(findings.kept).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { createMemberList, type Members } from '../../src/client/member-list.ts';
import type { MemberPage, RoomMember } from '../../src/protocol/rooms.ts';

const roomid = 'tea';
const [ann, bob, carol] = ['ann', 'bob', 'carol'].map((userId) => ({ userId, username: userId })) as [
  { userId: string; username: string },
  { userId: string; username: string },
  { userId: string; username: string },
];

function member(person: { userId: string; username: string }): RoomMember {
  return { ...person, clients: 1, state: 'online', seenAt: 1 };
}

function pageOf(
  rev: number,
  people: readonly { userId: string; username: string }[],
  cursor?: string,
): MemberPage {
  const counts = { users: people.length, clients: people.length };
  return { rev, ...counts, members: people.map(member), ...(cursor === undefined ? {} : { cursor }) };
}

function setUp() {
  const asked: { cursor: string | undefined; answered: (page: MemberPage | undefined) => void }[] = [];
  const seen: Members[] = [];
  const list = createMemberList({
    ask: (cursor, answered) => asked.push({ cursor, answered }),
    onChange: (members) => seen.push(members),
  });
  const names = () => seen.at(-1)?.list?.map(({ userId }) => userId);
  const answer = (page: MemberPage | undefined) => asked.shift()?.answered(page);
  const diff = (rev: number, joins: (typeof ann)[], leaves: (typeof ann)[]) =>
    list.apply({ roomid, rev, joins, leaves });
  return { asked, seen, list, names, answer, diff };
}

describe('the list of members', () => {
  it('says whose names look like another member’s, by the list and by the diffs', () => {
    const { list, seen, asked } = setUp();
    list.follow();
    const alike = { ...bob, username: 'Ann', confusable: true } as const;
    asked.shift()?.answered({ rev: 1, users: 2, clients: 2, members: [member(ann), { ...member(alike) }] });
    expect(seen.at(-1)?.list).toEqual([ann, alike]);
    list.apply({ roomid, rev: 2, joins: [bob, { ...ann, confusable: true }], leaves: [] });
    expect(seen.at(-1)?.list).toEqual([{ ...ann, confusable: true }, bob]);
  });

  it('asks nothing as long as nobody follows it', () => {
    const { asked, list, diff } = setUp();
    list.refresh();
    diff(7, [ann], []);
    expect(asked).toEqual([]);
  });

  it('follows the diffs and counts of the room', () => {
    const { list, names, answer, diff, asked, seen } = setUp();
    list.follow();
    answer(pageOf(3, [ann, bob]));
    diff(4, [carol], [ann]);
    diff(5, [{ ...bob, username: 'Bobby' }], []);
    expect(names()).toEqual(['bob', 'carol']);
    expect(seen.at(-1)).toMatchObject({ users: 2, list: [{ username: 'Bobby' }, carol] });
    expect(asked).toEqual([]);
  });

  it('applies changes that arrive during a fetch, unless the pages have them already', () => {
    const { list, names, answer, diff } = setUp();
    list.follow();
    diff(3, [ann], []);
    answer(pageOf(3, [ann], 'more'));
    diff(4, [carol], []);
    answer(pageOf(4, [bob]));
    expect(names()).toEqual(['ann', 'bob', 'carol']);
    diff(4, [carol], []);
    expect(names()).toEqual(['ann', 'bob', 'carol']);
  });

  it('is fetched anew when a number is left out, and each time the room is joined', () => {
    const { list, names, answer, diff, asked } = setUp();
    list.follow();
    answer(pageOf(3, [ann]));
    diff(5, [carol], []);
    expect(asked).toHaveLength(1);
    answer(pageOf(5, [bob, carol]));
    expect(names()).toEqual(['bob', 'carol']);
    list.refresh();
    answer(pageOf(9, [ann]));
    expect(names()).toEqual(['ann']);
  });

  it('is a number alone in a large room, and names again when it is small', () => {
    const { list, names, answer, diff, seen, asked } = setUp();
    list.follow();
    answer(pageOf(3, [ann]));
    list.apply({ roomid, rev: 4, users: 180, clients: 201 });
    expect(seen.at(-1)).toEqual({ users: 180 });
    list.apply({ roomid, rev: 5, users: 400, clients: 450 });
    expect(seen.at(-1)).toEqual({ users: 400 });
    diff(7, [bob], []);
    expect(asked).toHaveLength(1);
    answer(pageOf(7, [ann, bob]));
    expect(names()).toEqual(['ann', 'bob']);
  });

  it('is not fetched while somebody comes and goes in a room at the limit, and is when names come again', () => {
    const { list, names, answer, diff, seen, asked } = setUp();
    list.follow();
    answer(pageOf(3, [ann]));
    for (let rev = 4; rev < 14; rev += 1) {
      list.apply({ roomid, rev, users: 90 + (rev % 2), clients: 201 - (rev % 2) });
      expect(seen.at(-1)).toEqual({ users: 90 + (rev % 2) });
    }
    expect(asked).toHaveLength(0);
    diff(15, [], []);
    expect(asked).toHaveLength(1);
    answer(pageOf(15, [ann, bob]));
    expect(names()).toEqual(['ann', 'bob']);
  });

  it('is not fetched for a count under the number it has, and is when one was left out', () => {
    const { list, answer, asked } = setUp();
    list.follow();
    answer(pageOf(3, [ann]));
    list.apply({ roomid, rev: 3, users: 1, clients: 2 });
    expect(asked).toHaveLength(0);
    list.apply({ roomid, rev: 5, users: 1, clients: 2 });
    expect(asked).toHaveLength(1);
  });

  it('goes on after an answer that did not come, with the next change', () => {
    const { list, names, answer, diff, asked } = setUp();
    list.follow();
    answer(undefined);
    diff(9, [ann], []);
    expect(asked).toHaveLength(1);
    answer(pageOf(9, [ann, bob]));
    expect(names()).toEqual(['ann', 'bob']);
  });

  it('shows a second follower what is known, and ends with the last', () => {
    const { list, seen, answer, diff, asked } = setUp();
    const [first, second] = [list.follow(), list.follow()];
    answer(pageOf(3, [ann]));
    const third = list.follow();
    expect(seen.at(-1)).toEqual({ users: 1, list: [ann] });
    for (const end of [first, first, second, third]) end();
    const before = seen.length;
    diff(4, [bob], []);
    expect([seen.length, asked.length]).toEqual([before, 0]);
  });
});

import { describe, expect, it } from 'vitest';
import { createRowMaker, firstUnseen, saidSince } from '../../../src/page/room/rows.ts';
import { saidEntry, type Timeline } from '../../../src/page/room/timeline.ts';
import { initialsOf, toneOf } from '../../../src/page/ui/face.ts';
import { rowsOf, said, sayings } from './chat-events.ts';

const ME = { userId: 'g-me', username: 'Mia' };
const NOON = new Date(2026, 4, 1, 12).getTime();
const minutes = (count: number) => NOON + count * 60_000;

it('draws own messages by user id, so that a namesake’s are not taken for own', () => {
  const mine = said(1, { userId: 'g-me' });
  const namesake = { ...said(2), data: { ...said(2).data, username: 'Mia' } };
  const rows = rowsOf([saidEntry(mine), saidEntry(namesake)], [], ME).filter((row) => row.kind === 'said');
  expect(rows.map((row) => row.own)).toEqual([true, false]);
});

it('shows name and time at the first of several messages in a row, and again after a pause', () => {
  const timeline = [
    said(1, { at: minutes(0) }),
    said(2, { at: minutes(1) }),
    said(3, { at: minutes(2), userId: 'bob' }),
    said(4, { at: minutes(3) }),
    said(5, { at: minutes(20) }),
  ].map((message) => saidEntry(message));
  const rows = rowsOf(timeline, [], ME).filter((row) => row.kind === 'said');
  expect(rows.map((row) => row.opens)).toEqual([true, false, true, true, true]);
});

it('puts the day above its first message', () => {
  const timeline = [said(1, { at: minutes(0) }), said(2), said(3, { at: minutes(24 * 60) })].map((message) =>
    saidEntry({ ...message, at: message.seq === 2 ? minutes(1) : message.at }),
  );
  expect(rowsOf(timeline, [], ME).map(({ day }) => day)).toEqual([minutes(0), undefined, minutes(24 * 60)]);
});

it('puts no day above the first row while the room has older messages, which may be of that day', () => {
  const timeline = [said(1, { at: minutes(0) }), said(2, { at: minutes(24 * 60) })].map((one) =>
    saidEntry(one),
  );
  expect(rowsOf(timeline, [], ME, true).map(({ day }) => day)).toEqual([undefined, minutes(24 * 60)]);
});

it('puts what is not stored yet at the end, also when the clock here is behind the server’s', () => {
  const draft = { clientMsgId: 'c1', text: 'mine', writtenAt: minutes(-24 * 60), status: 'waiting' as const };
  const rows = rowsOf([saidEntry(said(1, { at: minutes(0) }))], [draft], ME);
  expect(rows.map(({ kind, day }) => [kind, day])).toEqual([
    ['said', minutes(0)],
    ['said', undefined],
  ]);
  expect(rows.at(-1)).toMatchObject({ text: 'mine', own: true, draft });
});

it('counts what others said since the reader left the end', () => {
  const timeline = [said(1), said(2), said(3, { userId: 'g-me' }), said(4)].map((message) =>
    saidEntry(message),
  );
  expect(saidSince(timeline, timeline[0]?.key, 'g-me')).toBe(2);
  expect(saidSince(timeline, timeline[3]?.key, 'g-me')).toBe(0);
});

it('draws avatars from the name or the number of the picture', () => {
  expect(['東东', 'mia', 'Ann-Marie Lee', '👩‍👩‍👧 x'].map(initialsOf)).toEqual(['東', 'M', 'AL', '👩‍👩‍👧X']);
  expect(toneOf('anybody', '1.jpg')).toBe(0);
  expect(toneOf('anybody', '10.png')).toBe(3);
  expect(toneOf('Mia', undefined)).toBe(toneOf('Mia', 'unknown'));
});

it.each([Number.NaN, undefined, 'soon', 9e15])('draws a message whose time is %j without one', (at) => {
  const odd = { ...said(2), at: at as number };
  const rows = rowsOf([saidEntry(said(1, { at: NOON })), saidEntry(odd)], [], ME);
  expect(rows.map(({ kind, day }) => [kind, day])).toEqual([
    ['said', NOON],
    ['said', undefined],
  ]);
  expect(rows[1]).toMatchObject({ at: undefined });
});

describe('rows of a list that changes', () => {
  const list = (count: number) => sayings(1, count).map((message) => saidEntry(message));

  it('are the same objects as far as the list is the same', () => {
    const make = createRowMaker();
    const timeline = list(3);
    const input = { drafts: [], me: ME, more: false };
    const before = make({ ...input, timeline });
    const grown = make({ ...input, timeline: [...timeline, saidEntry(said(4))] });
    expect(grown.slice(0, 3).every((row, index) => row === before[index])).toBe(true);
    expect(grown).toEqual(rowsOf([...timeline, saidEntry(said(4))], [], ME));
  });

  it('are the same objects after the oldest ones are gone, but for the first of the rest', () => {
    const make = createRowMaker();
    const timeline = list(5);
    const input = { drafts: [], me: ME, more: true };
    const before = make({ ...input, timeline });
    const rest = make({ ...input, timeline: timeline.slice(2) });
    expect(rest.slice(1).every((row, index) => row === before[index + 3])).toBe(true);
    expect(rest).toEqual(rowsOf(timeline.slice(2), [], ME, true));
  });

  it('show the date again where the one who had it is gone', () => {
    const make = createRowMaker();
    const gone = saidEntry({ ...said(2), deleted: true } as ReturnType<typeof said>);
    const timeline = [saidEntry(said(1, { at: NOON })), gone, saidEntry(said(3, { at: minutes(1) }))];
    make({ timeline, drafts: [], me: ME, more: false });
    const rest = timeline.slice(1);
    expect(make({ timeline: rest, drafts: [], me: ME, more: false })).toEqual(rowsOf(rest, [], ME));
  });

  it.each([
    ['a change in the middle', (all: Timeline) => all.with(1, saidEntry(said(2, { userId: 'x' })))],
    ['older messages above', (all: Timeline) => [saidEntry(said(0)), ...all]],
    ['the oldest ones gone', (all: Timeline) => all.slice(2)],
    ['all of them gone', () => []],
  ])('are those of a new list after %s', (_, change) => {
    const make = createRowMaker();
    const timeline = list(3);
    make({ timeline, drafts: [], me: ME, more: false });
    const next = change(timeline);
    expect(make({ timeline: next, drafts: [], me: ME, more: false })).toEqual(rowsOf(next, [], ME));
  });
});

it('finds the first message of others after a place, and none after a place that is gone', () => {
  const timeline = [said(1), said(2, { userId: 'g-me' }), said(3), said(4)].map((one) => saidEntry(one));
  expect(firstUnseen(timeline, 'e1:1', 'g-me')).toBe('e1:3');
  expect(firstUnseen(timeline, 'e1:4', 'g-me')).toBeUndefined();
  expect(firstUnseen(timeline, 'e0:9', 'g-me')).toBeUndefined();
});

it('marks the messages that mention the reader', () => {
  const rows = rowsOf(
    [saidEntry(said(1, { mentions: ['g-me'] })), saidEntry(said(2, { mentions: ['b'] }))],
    [],
    ME,
  );
  expect(rows).toMatchObject([{ mentioned: true }, { mentioned: false }]);
});

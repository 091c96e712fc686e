import { expect, it } from 'vitest';
import { rowsOf, saidSince } from '../../../src/page/room/rows.ts';
import { saidEntry } from '../../../src/page/room/timeline.ts';
import { splitLinks } from '../../../src/page/text/links.ts';
import { initialsOf, pictureOf, toneOf } from '../../../src/page/ui/face.ts';
import { said } from './chat-events.ts';

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

it('puts the day before its first message', () => {
  const timeline = [said(1, { at: minutes(0) }), said(2, { at: minutes(24 * 60) })].map((message) =>
    saidEntry(message),
  );
  expect(rowsOf(timeline, [], ME).map((row) => row.kind)).toEqual(['day', 'said', 'day', 'said']);
});

it('puts what is not stored yet at the end, also when the clock here is behind the server’s', () => {
  const draft = { clientMsgId: 'c1', text: 'mine', writtenAt: minutes(-24 * 60), status: 'waiting' as const };
  const rows = rowsOf([saidEntry(said(1, { at: minutes(0) }))], [draft], ME);
  expect(rows.map((row) => row.kind)).toEqual(['day', 'said', 'said']);
  expect(rows.at(-1)).toMatchObject({ text: 'mine', own: true, draft });
});

it('counts what others said since the reader left the end', () => {
  const timeline = [said(1), said(2), said(3, { userId: 'g-me' }), said(4)].map((message) =>
    saidEntry(message),
  );
  expect(saidSince(timeline, timeline[0]?.key, 'g-me')).toBe(2);
  expect(saidSince(timeline, timeline[3]?.key, 'g-me')).toBe(0);
});

it.each([
  ['see https://example.org/a_(b)?c=1#d.', 'https://example.org/a_(b)?c=1#d'],
  ['(http://example.org)', 'http://example.org'],
  ['<https://example.org/x>', 'https://example.org/x'],
])('links the address in %j', (text, address) => {
  const parts = splitLinks(text);
  expect(parts.filter((part) => part.href !== undefined).map((part) => part.text)).toEqual([address]);
  expect(parts.map((part) => part.text).join('')).toBe(text);
});

it.each(['javascript:alert(1)', 'data:text/html,x', 'https://', 'http://[', 'plain text', 'xhttps//a'])(
  'leaves %j plain text',
  (text) => {
    expect(splitLinks(text)).toEqual([{ text }]);
  },
);

it('draws avatars from the name or the number of the picture, and fetches https pictures only', () => {
  expect(['東东', 'mia', 'Ann-Marie Lee', '👩‍👩‍👧 x'].map(initialsOf)).toEqual(['東', 'M', 'AL', '👩‍👩‍👧X']);
  expect(toneOf('anybody', '1.jpg')).toBe(0);
  expect(toneOf('anybody', '10.png')).toBe(3);
  expect(toneOf('Mia', undefined)).toBe(toneOf('Mia', 'unknown'));
  expect(pictureOf('https://example.org/a.png')).toBe('https://example.org/a.png');
  expect(pictureOf('1.jpg')).toBeUndefined();
});

it.each([Number.NaN, undefined, 'soon', 9e15])('draws a message whose time is %j without one', (at) => {
  const odd = { ...said(2), at: at as number };
  const rows = rowsOf([saidEntry(said(1, { at: NOON })), saidEntry(odd)], [], ME);
  expect(rows.map((row) => row.kind)).toEqual(['day', 'said', 'said']);
  expect(rows[2]).toMatchObject({ at: undefined });
});

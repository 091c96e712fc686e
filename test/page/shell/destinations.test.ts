import { expect, it } from 'vitest';
import { destinationsFor } from '../../../src/page/shell/destinations.ts';

const rooms = [
  { roomid: 'tea', unread: 0 },
  { roomid: 'team talk', unread: 3 },
  { roomid: 'green tea', unread: 0 },
  { roomid: 'steam', unread: 0 },
];
const people = [{ id: 'g-1', name: 'Teresa' }];
const labelsFor = (query: string, more: { isRoomId?: () => boolean } = {}) =>
  destinationsFor(query, { rooms, people, inbox: 'Inbox', isRoomId: () => true, ...more }).map(
    ({ label, isNew }) => (isNew ? `new ${label}` : label),
  );

it('lists everything without a query, rooms with unread messages first', () => {
  expect(labelsFor('')).toEqual(['team talk', 'tea', 'green tea', 'steam', 'Teresa', 'Inbox']);
});

it('puts names that begin so first, then words, then parts, and the new room last', () => {
  expect(labelsFor('TEA')).toEqual(['team talk', 'tea', 'green tea', 'steam', 'new TEA']);
  expect(labelsFor('ter')).toEqual(['Teresa', 'new ter']);
});

it('offers no new room of a name that is entered already, or is none', () => {
  expect(labelsFor(' tea ')).toEqual(['team talk', 'tea', 'green tea', 'steam']);
  expect(labelsFor('{}', { isRoomId: () => false })).toEqual([]);
});

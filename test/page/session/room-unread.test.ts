import { beforeEach, expect, it } from 'vitest';
import { createRoomUnread, type LogPosition } from '../../../src/page/session/room-unread.ts';
import { said } from '../room/chat-events.ts';

let isReading: boolean;
let seen: LogPosition[];

beforeEach(() => {
  [isReading, seen] = [false, []];
});

function unread(before?: LogPosition) {
  return createRoomUnread({
    ownId: () => 'me',
    isReading: () => isReading,
    seen: before,
    onChange: () => undefined,
    onSeen: (position) => seen.push(position),
  });
}

it('counts the messages of others, and those that mention the reader', () => {
  const room = unread();
  expect(room.heard(said(1), 'live')).toBe(true);
  expect(room.heard(said(2, { mentions: ['me'] }), 'replay')).toBe(true);
  expect(room.heard(said(3, { userId: 'me' }), 'live')).toBe(false);
  expect(room.get()).toEqual({ messages: 2, mentions: 1 });
});

it('counts nothing while the reader sees the end of the room, and says how far that is', () => {
  const room = unread();
  isReading = true;
  expect(room.heard(said(1), 'live')).toBe(false);
  isReading = false;
  room.heard(said(2), 'live');
  expect(room.get().messages).toBe(1);
  isReading = true;
  room.look();
  room.look();
  expect(room.get()).toEqual({ messages: 0, mentions: 0 });
  expect(seen).toEqual([1, 2].map((seq) => ({ epoch: 'e1', seq })));
});

it('takes the history of a new room for no news, and after a reload what came since', () => {
  const fresh = unread();
  fresh.heard(said(1), 'history');
  expect(fresh.get().messages).toBe(0);
  const known = unread({ epoch: 'e1', seq: 2 });
  for (const seq of [1, 2, 3, 4]) known.heard(said(seq), 'history');
  expect(known.get().messages).toBe(2);
});

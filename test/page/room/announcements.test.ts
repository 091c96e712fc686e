import { expect, it } from 'vitest';
import { createAnnouncer } from '../../../src/page/room/announcements.ts';
import { saidEntry } from '../../../src/page/room/timeline.ts';
import { said, sayings } from './chat-events.ts';

const ME = 'g-me';
const list = (...messages: ReturnType<typeof said>[]) => messages.map((message) => saidEntry(message));

it('reads out a new message of somebody else, and not the history before it', () => {
  const announcer = createAnnouncer();
  expect(announcer.heard(list(...sayings(1, 2)), 'e1:3', ME)).toBeUndefined();
  expect(announcer.heard(list(...sayings(1, 3)), 'e1:3', ME)).toBeUndefined();
  const heard = announcer.heard(list(...sayings(1, 4)), 'e1:3', ME);
  expect(heard).toEqual({ username: 'other', text: 'text 4' });
  expect(announcer.heard(list(...sayings(1, 4)), 'e1:3', ME)).toBeUndefined();
});

it('reads out the first message of an empty room', () => {
  const announcer = createAnnouncer();
  expect(announcer.heard([], undefined, ME)).toBeUndefined();
  expect(announcer.heard(list(said(1)), undefined, ME)).toEqual({ username: 'other', text: 'text 1' });
});

it('gives the number of several messages', () => {
  const announcer = createAnnouncer();
  announcer.heard(list(said(1)), 'e1:1', ME);
  expect(announcer.heard(list(...sayings(1, 9)), 'e1:1', ME)).toEqual({ count: 8 });
});

it('is silent about older messages that are loaded, own ones and deleted ones', () => {
  const announcer = createAnnouncer();
  announcer.heard(list(said(5)), 'e1:5', ME);
  expect(announcer.heard(list(...sayings(1, 5)), 'e1:5', ME)).toBeUndefined();
  const more = list(...sayings(1, 5), said(6, { userId: ME }), said(7, { deleted: true }));
  expect(announcer.heard(more, 'e1:5', ME)).toBeUndefined();
});

it('begins anew after a list that was replaced', () => {
  const announcer = createAnnouncer();
  announcer.heard(list(...sayings(1, 3)), 'e1:3', ME);
  expect(announcer.heard(list(...sayings(90, 92)), 'e1:92', ME)).toBeUndefined();
  expect(announcer.heard(list(...sayings(90, 93)), 'e1:92', ME)).toEqual({
    username: 'other',
    text: 'text 93',
  });
});

import { plural } from '../plural.ts';

export const room = {
  messages: 'Messages',
  loadEarlier: 'Load earlier messages',
  loading: 'Loading…',
  loadFailed: 'Could not load. Try again',
  noFurther: 'This page goes no further back.',
  empty: 'Nothing said yet. Say hello!',
  newMessages: (count: number) =>
    plural('en', count, { one: '1 new message', other: `${count} new messages` }),
  toNewest: 'To the newest',
  maybeMissing: 'Some messages may be missing here.',
  removed: 'A message was removed',
  you: 'You',
  /** After the person's name. */
  joined: 'joined',
  left: 'left',
  edited: 'edited',
  sending: 'Sending…',
  notInRoom: 'Not sent: you are not in this room.',
  waiting: 'Waiting for the connection…',
  retry: 'Retry',
  discard: 'Discard',
};

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
  service: 'service',
  confusableMark: 'look-alike',
  confusable: 'This name looks like that of somebody else in this room.',
  edited: 'edited',
  replies: (count: number) => plural('en', count, { one: '1 reply', other: `${count} replies` }),
  newSince: 'New since you left',
  goToQuoted: 'Go to this message',
  earlierMessage: 'An earlier message',
  reactions: 'Reactions',
  moreReactions: 'More reactions',
  reactWith: (reaction: string) => `React with ${reaction}`,
  /** The names that are known of so many people. */
  reactedBy(names: readonly string[], count: number): string {
    const rest = count - names.length;
    if (names.length === 0) return plural('en', count, { one: '1 person', other: `${count} people` });
    return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
  },
  actions: 'Actions',
  action: {
    reply: 'Reply',
    react: 'React',
    quoted: 'Go to the answered message',
    copy: 'Copy text',
    edit: 'Edit',
    delete: 'Delete',
  },
  deleteQuestion: 'Delete this message for everybody?',
  cancel: 'Cancel',
  failed: {
    edit: 'The message was not edited.',
    delete: 'The message was not deleted.',
    react: 'The reaction was not stored.',
  },
  close: 'Close',
  sending: 'Sending…',
  notInRoom: 'Not sent: you are not in this room.',
  waiting: 'Waiting for the connection…',
  retry: 'Retry',
  discard: 'Discard',
  takeBack: 'Edit',
};

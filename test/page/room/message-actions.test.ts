import { expect, it } from 'vitest';
import { actionsOf } from '../../../src/page/room/message-actions.ts';
import { saidEntry } from '../../../src/page/room/timeline.ts';
import { toTombstone } from '../../../src/protocol/deletions.ts';
import { MEMBER_RIGHTS, RIGHTS } from '../../../src/protocol/rights.ts';
import { rowsOf, said } from './chat-events.ts';

const ME = { userId: 'g-me', username: 'Mia' };
const rowOf = (message: ReturnType<typeof said>) => rowsOf([saidEntry(message)], [], ME)[0];
const own = rowOf(said(1, { userId: 'g-me' }));
const theirs = rowOf(said(2));

it('offers to edit and delete own messages only', () => {
  expect(actionsOf(own, MEMBER_RIGHTS)).toEqual(['react', 'reply', 'copy', 'edit', 'delete']);
  expect(actionsOf(theirs, MEMBER_RIGHTS)).toEqual(['react', 'reply', 'copy']);
});

it('leads to the message that a reply answers', () => {
  const reply = rowOf(said(3, { replyTo: 1 }));
  expect(actionsOf(reply, MEMBER_RIGHTS)).toEqual(['react', 'reply', 'quoted', 'copy']);
});

it('lets a moderator delete the messages of others, and edit none of them', () => {
  expect(actionsOf(theirs, RIGHTS)).toEqual(['react', 'reply', 'copy', 'delete']);
});

it('offers a reader who may only read to copy, and to delete what is their own', () => {
  expect(actionsOf(theirs, ['read'])).toEqual(['copy']);
  expect(actionsOf(own, ['read'])).toEqual(['copy', 'delete']);
});

it('takes a server that tells no rights for one that lets everybody talk and nobody moderate', () => {
  expect(actionsOf(own, undefined)).toEqual(actionsOf(own, MEMBER_RIGHTS));
  expect(actionsOf(theirs, undefined)).toEqual(actionsOf(theirs, MEMBER_RIGHTS));
});

it('offers only to copy what is not sent yet, and nothing of a deleted message or a notice', () => {
  const draft = { clientMsgId: 'c', text: 'mine', writtenAt: 1, status: 'waiting' as const };
  expect(actionsOf(rowsOf([], [draft], ME)[0], RIGHTS)).toEqual(['copy']);
  expect(actionsOf(rowOf(toTombstone(said(3))), RIGHTS)).toEqual([]);
  expect(actionsOf(undefined, RIGHTS)).toEqual([]);
});

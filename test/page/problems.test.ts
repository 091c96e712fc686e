import { expect, it } from 'vitest';
import { describeProblem, describeRefusal } from '../../src/page/problems.ts';

it.each([
  ['roomid: banned from this room', 'You are banned from this room.'],
  ['roomid: muted in this room', 'Muted in this room.'],
  ['roomid: the room is full', 'The room is full.'],
  ['the client is closed', 'The client is closed.'],
])('tells a reader %j as %j', (message, sentence) => {
  expect(describeRefusal({ code: 'forbidden', message })).toBe(sentence);
});

it('says what a reader can do about a message that failed', () => {
  expect(describeProblem({ code: 'unknown', message: '' })).toContain('may show it twice');
  expect(describeProblem({ code: 'wrong_user', message: 'not by you' })).toContain('a new identity');
  expect(describeProblem({ code: 'forbidden', message: 'written by somebody else' })).not.toContain(
    'identity',
  );
  expect(describeProblem({ code: 'limit', message: '' })).toContain('Too many messages wait');
  expect(describeProblem({ code: 'unavailable', message: '' })).toContain('right now');
});

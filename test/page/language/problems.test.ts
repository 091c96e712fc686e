import { expect, it } from 'vitest';
import { describeDraftProblem, describeProblem, type Problem } from '../../../src/page/language/problems.ts';
import { createLanguage } from '../../../src/page/language/texts.ts';

const english = createLanguage('en', ['en-GB']);
const told = (problem: Problem) => describeProblem(english, problem, 0);
const toldOfDraft = (problem: Problem) => describeDraftProblem(english, problem);

it.each<[Problem, string]>([
  [{ code: 'banned', message: 'roomid: banned from this room' }, 'You are banned from this room.'],
  [{ code: 'kicked', message: 'you were removed from this room' }, 'You were removed from this room.'],
  [{ code: 'forbidden', message: 'roomid: muted in this room' }, 'Not sent: you were muted in this room.'],
  [{ code: 'full', message: 'roomid: the room is full' }, 'This room is full.'],
  [{ code: 'closed', message: 'the client is closed' }, 'The client is closed.'],
])('tells a reader %j as %j', (problem, sentence) => {
  expect(told(problem)).toBe(sentence);
});

it('says until when a ban lasts, with the date where that is not within a day', () => {
  const banned = (until: number) => told({ code: 'banned', message: '', until });
  expect(banned(60_000)).toMatch(/^You are banned from this room until \d\d:\d\d\.$/);
  expect(banned(3 * 86_400_000)).toMatch(/^You are banned from this room until \d+ Jan 1970, \d\d:\d\d\.$/);
});

it('says what a reader can do about a message that failed', () => {
  expect(toldOfDraft({ code: 'unknown', message: '' })).toContain('may show it twice');
  expect(toldOfDraft({ code: 'wrong_user', message: 'not by you' })).toContain('a new identity');
  expect(toldOfDraft({ code: 'forbidden', message: 'written by somebody else' })).not.toContain('identity');
  expect(toldOfDraft({ code: 'limit', message: '' })).toContain('Too many messages wait');
  expect(toldOfDraft({ code: 'unavailable', message: '' })).toContain('right now');
});

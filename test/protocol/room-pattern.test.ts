import { describe, expect, it } from 'vitest';
import { createRoomMatcher, parseRoomPattern } from '../../src/protocol/room-pattern.ts';

describe('the room patterns of a token', () => {
  it.each([
    ['lobby', 'lobby'],
    [7, '7'],
    ['team-*', 'team-*'],
    ['team *', 'team *'],
    ['*', '*'],
    ['e\u0301*', '\u00e9*'],
  ])('may be %j', (given, pattern) => expect(parseRoomPattern(given)).toBe(pattern));

  it.each([
    '',
    ' ',
    ' *',
    'a*b',
    '**',
    'a#*',
    'a\0*',
    'x'.repeat(129),
    `${'x'.repeat(128)}*`,
    null,
    {},
    ['a'],
  ])('%#: may not be what is neither an id nor the beginning of one', (given) =>
    expect(parseRoomPattern(given)).toBeUndefined(),
  );

  it('match that id, or every id with the prefix', () => {
    const allows = createRoomMatcher(['lobby', 'team-*']);
    expect(['lobby', 'team-', 'team-1'].filter(allows)).toEqual(['lobby', 'team-', 'team-1']);
    expect(['lobby2', 'Lobby', 'team', 'ateam-1', '__proto__'].filter(allows)).toEqual([]);
  });

  it('match no room if there are none, and all with *', () => {
    expect(createRoomMatcher([])('lobby')).toBe(false);
    expect(createRoomMatcher(['*'])('lobby')).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { createRoomRights, MEMBER_RIGHTS } from '../../src/protocol/rights.ts';
import { parseRoomPattern } from '../../src/protocol/room-pattern.ts';

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
});

describe('the rights in a room', () => {
  const opens = (patterns: readonly string[], rooms: readonly string[]) => {
    const rightsIn = createRoomRights(patterns.map((pattern) => ({ pattern, can: MEMBER_RIGHTS })));
    return rooms.filter((roomid) => rightsIn(roomid).length > 0);
  };

  it('are those of that id, or of every id with the prefix', () => {
    const patterns = ['lobby', 'team-*'];
    expect(opens(patterns, ['lobby', 'team-', 'team-1'])).toEqual(['lobby', 'team-', 'team-1']);
    expect(opens(patterns, ['lobby2', 'Lobby', 'team', 'ateam-1', '__proto__'])).toEqual([]);
  });

  it('are none without a pattern, and those of all rooms with *', () => {
    expect(opens([], ['lobby'])).toEqual([]);
    expect(opens(['*'], ['lobby'])).toEqual(['lobby']);
  });
});

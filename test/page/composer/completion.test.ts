import { describe, expect, it } from 'vitest';
import { closedCode, membersLike, queryBefore } from '../../../src/page/composer/completion.ts';

const atEnd = (text: string) => queryBefore(text, text.length);
const named = (...names: string[]) => names.map((username) => ({ userId: `id of ${username}`, username }));

describe('the word before the cursor', () => {
  it.each([
    ['@', { kind: 'mention', start: 0, word: '' }],
    ['hi @An', { kind: 'mention', start: 3, word: 'An' }],
    ['(@Ann Le', { kind: 'mention', start: 1, word: 'Ann Le' }],
    ['一@东', { kind: 'mention', start: 1, word: '东' }],
    ['so :ta', { kind: 'emoji', start: 3, word: 'ta' }],
    [':+1', { kind: 'emoji', start: 0, word: '+1' }],
    ['@Ann :ta', { kind: 'emoji', start: 5, word: 'ta' }],
  ])('%j can be completed', (text, query) => {
    expect(atEnd(text)).toEqual(query);
  });

  it.each(['mail@Ann', '@ Ann', '@Ann\nand', '12:30', ':t', '::tada', 'a:tada', `@${'x'.repeat(33)}`, ''])(
    '%j begins no name and no emoji',
    (text) => {
      expect(atEnd(text)).toBe(undefined);
    },
  );

  it('is that at the cursor, whatever follows', () => {
    expect(queryBefore('@An and more', 3)).toEqual({ kind: 'mention', start: 0, word: 'An' });
  });

  it('is an emoji once its second colon is there', () => {
    expect(closedCode('so :tada:', 9)).toEqual({ start: 3, code: 'tada' });
    expect(closedCode('12:30:', 6)).toBe(undefined);
    expect(closedCode('a::', 3)).toBe(undefined);
  });
});

describe('members', () => {
  const members = named('Zoë', 'Ann Lee', 'Joann', 'Anna', 'Lee', '东东');
  const like = (word: string, limit = 8) => membersLike(members, word, limit).map(({ username }) => username);

  it('are found by the beginning of their name first, then of a word, then by a part', () => {
    expect(like('ann')).toEqual(['Ann Lee', 'Anna', 'Joann']);
    expect(like('lee')).toEqual(['Lee', 'Ann Lee']);
    expect(like('ann l')).toEqual(['Ann Lee']);
    expect(like('zoe')).toEqual(['Zoë']);
    expect(like('东')).toEqual(['东东']);
    expect(like('x')).toEqual([]);
  });

  it('are offered at the @ alone, not more than fit', () => {
    expect(like('', 3)).toEqual(['Ann Lee', 'Anna', 'Joann']);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EMOJI_GROUPS, emojiOfCode, loadEmoji, searchEmoji } from '../../../src/page/text/emoji/emoji.ts';
import { moveInGrid } from '../../../src/page/text/emoji/emoji-grid.ts';
import { listModule } from '../../../src/page/text/emoji/make-list.mjs';
import { noteUsed, readRecent } from '../../../src/page/text/emoji/recent-emoji.ts';

const all = await loadEmoji();
const found = (query: string, limit = 3) => searchEmoji(all, query, limit).map(({ emoji }) => emoji);

describe('the list of emoji', () => {
  it('is what its package says', () => {
    const file = new URL('../../../src/page/text/emoji/emoji-list.ts', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(listModule());
  });

  it('has each emoji and each code once, named in both languages', () => {
    expect(all.length).toBeGreaterThan(250);
    expect([...new Set(all.map(({ group }) => group))]).toEqual(EMOJI_GROUPS);
    expect(new Set(all.map(({ emoji }) => emoji)).size).toBe(all.length);
    const codes = all.flatMap((emoji) => emoji.codes);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => !/^[a-z0-9_+-]+$/.test(code))).toEqual([]);
    expect(all.filter(({ chinese }) => !chinese)).toEqual([]);
  });
});

describe('the keys of the picker', () => {
  const move = (index: number, key: Parameters<typeof moveInGrid>[2]) => moveInGrid([3, 10, 9], index, key);

  it('go on over the ends of rows and groups', () => {
    expect([
      move(2, 'ArrowRight'),
      move(3, 'ArrowLeft'),
      move(0, 'ArrowLeft'),
      move(21, 'ArrowRight'),
    ]).toEqual([3, 2, 0, 21]);
  });

  it('go up and down in the column, as far as the row goes', () => {
    // The rows begin with 0, 3, 11, 13 and 21.
    expect([move(1, 'ArrowDown'), move(10, 'ArrowDown'), move(12, 'ArrowDown')]).toEqual([4, 12, 14]);
    expect([move(14, 'ArrowUp'), move(20, 'ArrowUp'), move(1, 'ArrowUp'), move(21, 'ArrowDown')]).toEqual([
      12, 12, 1, 21,
    ]);
    expect([move(5, 'Home'), move(5, 'End'), moveInGrid([], 0, 'ArrowDown')]).toEqual([3, 10, 0]);
  });
});

describe('an emoji', () => {
  it('is found by its code, a word of it, another word, and in Chinese', () => {
    expect(found('tada', 1)).toEqual(['🎉']);
    expect(found('thumbs', 2)).toEqual(['👍', '👎']);
    expect(found('heart eyes', 1)).toEqual(['😍']);
    expect(found('awesome', 4)).toContain('🎉');
    expect(found('火箭')).toEqual(['🚀']);
    expect(found('no such')).toEqual([]);
    expect(found('', 2)).toEqual([all[0]?.emoji, all[1]?.emoji]);
  });

  it('has codes', () => {
    expect([emojiOfCode(all, '+1'), emojiOfCode(all, 'Tada'), emojiOfCode(all, 'none')]).toEqual([
      '👍',
      '🎉',
      undefined,
    ]);
  });

  it('is remembered when used, the newest first and each once', () => {
    const stored = new Map<string, string>();
    const storage = {
      read: (key: string) => stored.get(key),
      write: (key: string, value: string) => void stored.set(key, value),
    };
    expect(readRecent(storage)).toEqual([]);
    for (const emoji of ['👍', '🎉', '👍']) noteUsed(storage, emoji);
    expect(readRecent(storage)).toEqual(['👍', '🎉']);
    for (const { emoji } of all.slice(0, 40)) noteUsed(storage, emoji);
    expect(readRecent(storage)).toHaveLength(16);
    stored.set('roomcast.emoji', '{"no": "list"}');
    expect(readRecent(storage)).toEqual([]);
  });
});

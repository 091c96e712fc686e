import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../src/page/text/blocks.ts';
import { isEmojiOnly } from '../../../src/page/text/emoji-only.ts';
import { excerptOf } from '../../../src/page/text/excerpt.ts';
import { asBlock, isLong, previewOf } from '../../../src/page/text/long-code.ts';

it.each(['👍', '😀 😀😀', '👨‍👩‍👧‍👦', '🇩🇪', '❤️', '👋🏽', '1️⃣', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', ' 🎉 '])('draws %j larger', (text) => {
  expect(isEmojiOnly(text)).toBe(true);
});

it.each(['', ' ', '1', '#', '©', '👍 ok', '👍'.repeat(7), '↔', '👍'.repeat(5_000)])(
  'draws %j as other text',
  (text) => {
    expect(isEmojiOnly(text)).toBe(false);
  },
);

describe('an excerpt', () => {
  it('is one line without marks', () => {
    expect(excerptOf('> **old**\n\n- one\n- [two](https://example.org)\n`code`', 80)).toBe(
      'old one two code',
    );
  });

  it('is no longer than asked, and splits no character', () => {
    expect(excerptOf('😀'.repeat(20), 5)).toBe('😀😀😀😀…');
    expect(excerptOf('ab', 2)).toBe('ab');
    expect(Array.from(excerptOf('word '.repeat(5_000), 40)).length).toBeLessThanOrEqual(40);
  });
});

describe('a long text', () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, index) => `line ${index + 1}`).join('\n');

  it('has more than 20 lines or 2,000 characters', () => {
    expect([lines(20), lines(21), 'x'.repeat(2_000), 'x'.repeat(2_001)].map(isLong)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(previewOf(lines(20))).toBe(undefined);
  });

  it('is shown by its beginning and its size', () => {
    expect(previewOf(lines(120))).toEqual({ text: lines(8), lines: 120, chars: lines(120).length });
    expect(previewOf('😀'.repeat(1_500))?.text).toBe('😀'.repeat(400));
  });

  it('keeps every character in a code block, also its backticks', () => {
    const text = 'a\n```js\n````\nb `c`';
    expect(parseMessage(asBlock(text))).toEqual([{ kind: 'code', code: text, language: 'text' }]);
  });
});

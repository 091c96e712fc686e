import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStillThere, longPaste, withPasteAsBlock } from '../../../src/page/composer/paste.ts';
import { budgetOf } from '../../../src/page/composer/text-budget.ts';
import { parseMessage } from '../../../src/page/text/blocks.ts';
import { mentionedIn } from '../../../src/page/text/mentions.ts';
import { seedOf } from '../../support/seed.ts';

describe('the room left for a text', () => {
  it('is not told while there is much of it', () => {
    expect(budgetOf('x'.repeat(6_000), 8_192)).toEqual({ over: 0 });
    expect(budgetOf('', 8_192)).toEqual({ over: 0 });
  });

  it('is counted in characters like those of the text', () => {
    expect(budgetOf('é'.repeat(4_000), 8_192)).toEqual({ over: 0, left: 96 });
    expect(budgetOf('x'.repeat(8_000), 8_192)).toEqual({ over: 0, left: 192 });
  });

  it('is missing by the characters that must go', () => {
    expect(budgetOf('x'.repeat(9_392), 8_192)).toEqual({ over: 1_200 });
    expect(budgetOf('é'.repeat(4_097), 8_192)).toEqual({ over: 1 });
    expect(budgetOf(`${'x'.repeat(8_192)}😀`, 8_192)).toEqual({ over: 1 });
  });

  it('is enough once so many characters are gone, and not one earlier', () => {
    const text = fc.string({ unit: fc.constantFrom('x', 'é', '中', '😀', '\n'), maxLength: 60 });
    const fits = (chars: readonly string[]) => new TextEncoder().encode(chars.join('')).length <= 40;
    fc.assert(
      fc.property(text, (written) => {
        const chars = Array.from(written);
        const { over } = budgetOf(written, 40);
        expect(fits(chars.slice(0, chars.length - over))).toBe(true);
        if (over > 0) expect(fits(chars.slice(0, chars.length - over + 1))).toBe(false);
      }),
      { numRuns: 300, seed: seedOf(20) },
    );
  });
});

describe('a pasted text', () => {
  const log = Array.from({ length: 120 }, (_, index) => `line ${index + 1}`).join('\r\n');

  it('of more than 20 lines can become a block, between the lines around it', () => {
    const paste = longPaste(log);
    if (!paste) throw new Error('not offered');
    expect([paste.lines, longPaste('short')]).toEqual([120, undefined]);
    const field = `look: ${paste.text} what now?`;
    expect(isStillThere(field, paste)).toBe(true);
    expect(parseMessage(withPasteAsBlock(field, paste))).toEqual([
      { kind: 'text', parts: ['look: '] },
      { kind: 'code', code: paste.text, language: 'text' },
      { kind: 'text', parts: [' what now?'] },
    ]);
  });

  it('stays as it is when it was changed meanwhile, or is a block already', () => {
    const paste = longPaste(log);
    if (!paste) throw new Error('not offered');
    expect(isStillThere('line 1', paste)).toBe(false);
    expect(withPasteAsBlock('line 1', paste)).toBe('line 1');
    expect(longPaste(`\`\`\`\n${log}\n\`\`\``)).toBe(undefined);
  });
});

it('mentions those chosen whose names are still in the text', () => {
  const chosen = [
    { userId: 'a', username: 'Ann' },
    { userId: 'al', username: 'Ann Lee' },
    { userId: 'b', username: 'Ben' },
  ];
  expect(mentionedIn('@Ann Lee and @Benjamin', chosen)).toEqual([chosen[1]]);
  expect(mentionedIn('@Ann, @Ann Lee, Ben', chosen)).toEqual([chosen[0], chosen[1]]);
});

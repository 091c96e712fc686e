import fc from 'fast-check';
import { micromark } from 'micromark';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../src/page/text/blocks.ts';
import type { Block, Inline } from '../../../src/page/text/message-nodes.ts';
import { seedOf } from '../../support/seed.ts';
import { htmlOf } from './message-html.ts';

const text = (...parts: Inline[]): Block => ({ kind: 'text', parts });

/** A whole parser of CommonMark without what messages do not have. */
function commonMark(message: string): string {
  const without = [
    'htmlFlow',
    'htmlText',
    'headingAtx',
    'setextUnderline',
    'thematicBreak',
    'codeIndented',
    'definition',
    'labelStartImage',
    'characterReference',
    'autolink',
    'hardBreakEscape',
    'hardBreakTrailing',
  ];
  return micromark(message, { extensions: [{ disable: { null: without } }] });
}

describe('a message is read as CommonMark does', () => {
  it.each([
    'plain words, 2 * 3 * 4 = 24, snake_case_name and a*b',
    '*em* _em_ **strong** __strong__ ***both*** **a *b* c** *a **b** c*',
    '**not closed, *closed* and **a * b**',
    'wörld_wide_ "*quoted*" (_bracketed_), *a*b, a**b**c',
    '`code`, ``with ` inside``, ` padded `, `not closed, `` ` ``, `**`code`**`',
    '\\*not em\\* \\`not code\\` \\[not](a link)',
    '[a link](https://example.org/) and [*em* `code`](https://example.org/a_b_(c))',
    '[[inner](https://example.org/)](https://example.org/b)',
    '[a *b](https://example.org/) c*',
    '> quoted *em*\n> and more\n\nafter',
    '> outer\n>\n> > inner\n\nafter',
    '- one\n- two\n  - inner\n  - inner two\n- three',
    '1. one\n2. two\n\n- bullets\n- after them',
    '3. starts\n4. at three',
    'I was born in\n1986. A year.',
    '```js\nconst a = `*x*`;\n\n  <b>\n```\nafter',
    '````\n```\ninner\n```\n````',
    '```\nnot closed',
    '- item\n  ```\n  code\n  ```\n- next',
    '> ```\n> code\n> ```',
    '# no heading\n\n---\n\n<b>no HTML</b> &amp; <!-- none -->',
  ])('%j', (message) => {
    const whole = commonMark(message).trimEnd();
    expect(htmlOf(parseMessage(message))).toBe(whole);
  });

  it('with any mixture of marks, words and spaces in a line', () => {
    const piece = fc.constantFrom(
      '*',
      '_',
      '**',
      '`',
      '``',
      ' ',
      'a',
      'b c',
      '.',
      '(',
      '\\*',
      '\\_',
      '[',
      ']',
      '](https:x.org)',
    );
    const line = fc.array(piece, { maxLength: 24 }).map((pieces) => `x${pieces.join('')}x`);
    fc.assert(
      fc.property(line, (message) => {
        // A link that nobody sees is shown as text.
        fc.pre(!/<a [^>]*>\s*<\/a>/.test(commonMark(message)));
        const html = htmlOf(parseMessage(message)).replaceAll('https://x.org/', 'https:x.org');
        expect(html).toBe(commonMark(message));
      }),
      { numRuns: 800, seed: seedOf(18) },
    );
  });
});

describe('a message differs from CommonMark where people chat', () => {
  it('keeps the ends of lines and the spaces in them', () => {
    expect(parseMessage('one\ntwo   three\n    four')).toEqual([text('one\ntwo   three\n    four')]);
  });

  it('shows faces and headings as they are', () => {
    expect(parseMessage('>_< and\n>:( and\n# one')).toEqual([text('>_< and\n>:( and\n# one')]);
  });

  it('ends a quote and a list with the line', () => {
    expect(parseMessage('> quoted\nanswer')).toEqual([
      { kind: 'quote', blocks: [text('quoted')] },
      text('answer'),
    ]);
    expect(parseMessage('- item\nafter')).toEqual([
      { kind: 'list', start: undefined, items: [[text('item')]] },
      text('after'),
    ]);
  });

  it('marks words between Chinese characters and punctuation', () => {
    expect(parseMessage('这是**重点。**请看')).toEqual([
      text('这是', { kind: 'strong', parts: ['重点。'] }, '请看'),
    ]);
  });

  it('begins code right after the backticks', () => {
    expect(parseMessage('```some code\nmore\n```')).toEqual([
      { kind: 'code', code: 'some code\nmore', language: '' },
    ]);
  });

  it('links to no other kind of address', () => {
    for (const address of [
      'none',
      '//example.org',
      'javascript:alert(1)',
      'data:text/html,x',
      'JAVASCRIPT:x',
      'vbscript:x',
    ]) {
      expect(parseMessage(`[a](${address})`)).toEqual([text(`[a](${address})`)]);
    }
  });

  it('shows images as text with a link', () => {
    expect(parseMessage('![a cat](https://example.org/cat.png)')).toEqual([
      text(
        '![a cat](',
        {
          kind: 'link',
          href: 'https://example.org/cat.png',
          leadsTo: undefined,
          parts: ['https://example.org/cat.png'],
        },
        ')',
      ),
    ]);
  });
});

describe('a mention', () => {
  const mentioned = [
    { userId: 'a', username: 'Ann' },
    { userId: 'al', username: 'Ann Lee' },
    { userId: 'u', username: '_under_' },
    { userId: 'd', username: '东东' },
  ];
  const mention = (userId: string, name: string): Inline => ({ kind: 'mention', userId, text: `@${name}` });

  it('is the longest name of a mentioned person after an @', () => {
    expect(parseMessage('@Ann Lee, @Ann and @Bob', mentioned)).toEqual([
      text(mention('al', 'Ann Lee'), ', ', mention('a', 'Ann'), ' and @Bob'),
    ]);
  });

  it('is a whole word, which Chinese need not separate', () => {
    expect(parseMessage('@Annabel mail@Ann 问@东东你好', mentioned)).toEqual([
      text('@Annabel mail@Ann 问', mention('d', '东东'), '你好'),
    ]);
  });

  it('comes before emphasis, and not in code', () => {
    expect(parseMessage('**@_under_** `@Ann`', mentioned)).toEqual([
      text({ kind: 'strong', parts: [mention('u', '_under_')] }, ' ', { kind: 'code', code: '@Ann' }),
    ]);
  });
});

describe('the worst message of 8 KB', () => {
  const repeated = (part: string) => (chars: number) =>
    part.repeat(Math.ceil(chars / part.length)).slice(0, chars);
  const nested = (left: string, right: string) => (chars: number) => {
    const count = Math.floor(chars / (left.length + right.length));
    return left.repeat(count) + right.repeat(count);
  };
  const worst: Record<string, (chars: number) => string> = {
    stars: repeated('*'),
    'brackets that open': repeated('['),
    'brackets that close': repeated(']'),
    'pairs of brackets': nested('[', ']'),
    'stars that open': repeated('*a '),
    'stars that may do both': repeated('a*'),
    'stars and underscores': repeated('*_a'),
    'emphasis within emphasis': nested('*a ', ' a*'),
    'strong that never closes': (chars) => `a**b${repeated('c* ')(chars - 4)}`,
    quotes: repeated('>'),
    'quotes in lines': (chars) => repeated(`${'>'.repeat(99)}\n`)(chars),
    'backticks of all lengths': (chars) => {
      let text = '';
      for (let length = 1; text.length < chars; length++) text += `${'`'.repeat(length)} `;
      return text.slice(0, chars);
    },
    'links that do not end': repeated('[a]('),
    'links in links': nested('[', '](https://x.org)'),
    'links with blank labels': nested('[ ', '](https://x.org)'),
    'links of no address': nested('[', '](x)'),
    addresses: repeated('http://a '),
    'one address after the other': repeated('http://a'),
    'an address and its punctuation': repeated(`http://a${'*'.repeat(99)}a`),
    backslashes: repeated('\\'),
    'escaped stars': repeated('\\*'),
    'at signs': repeated('@'),
    bullets: repeated('- '),
    'bullets in lines': repeated('- a\n'),
    'deeper and deeper lists': (chars) => {
      let text = '';
      for (let depth = 0; text.length < chars; depth++) text += `${'  '.repeat(depth)}- a\n`;
      return text.slice(0, chars);
    },
    'fences that do not end': repeated('```\n'),
    'numbers with dots': repeated('1. '),
    'empty lines in a list': (chars) => `- a${'\n'.repeat(chars - 8)}  - b`,
    spaces: repeated(' '),
  };
  const people = [{ userId: 'a', username: '@' }];
  const CHARS = 8_192;

  it.each(Object.entries(worst))(
    '(%s) is a tree that can be drawn, for work that grows as its length',
    (_, make) => {
      const stepsOf = (chars: number) => {
        const meter = { steps: 0 };
        const blocks = parseMessage(make(chars), people, meter);
        expect(depthOf(blocks)).toBeLessThanOrEqual(32);
        expect(JSON.stringify(blocks).length).toBeLessThan(40 * chars);
        return meter.steps;
      };
      const [half, whole] = [stepsOf(CHARS / 2), stepsOf(CHARS)];
      expect(whole).toBeLessThanOrEqual(2.2 * half + 200);
      expect(whole).toBeLessThanOrEqual(40 * CHARS);
    },
  );

  it('loses none of its words, whatever its marks are', () => {
    const piece = fc.constantFrom(
      '*',
      '_',
      '`',
      '[',
      ']',
      '(',
      ')',
      '>',
      '- ',
      '1. ',
      '\n',
      '```',
      '\\',
      '@',
      'https://a.org/',
      '  ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        const words = pieces.flatMap((mark, index) => [mark, `w${index}`]);
        const shown = JSON.stringify(parseMessage(words.join('')));
        for (let index = 0; index < pieces.length; index++) expect(shown).toContain(`w${index}`);
      }),
      { numRuns: 300, seed: seedOf(19) },
    );
  });
});

function depthOf(nodes: readonly (Block | Inline)[]): number {
  let deepest = 0;
  for (const node of nodes) {
    if (typeof node === 'string') continue;
    const inner =
      node.kind === 'quote'
        ? depthOf(node.blocks)
        : node.kind === 'list'
          ? Math.max(...node.items.map(depthOf))
          : 'parts' in node
            ? depthOf(node.parts)
            : 0;
    deepest = Math.max(deepest, 1 + inner);
  }
  return deepest;
}

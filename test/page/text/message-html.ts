import type { Block, Inline } from '../../../src/page/text/message-nodes.ts';

/** Writes parsed messages as HTML, to compare them with what a parser of CommonMark writes. The page draws no HTML. */
export function htmlOf(blocks: readonly Block[]): string {
  return blocks.map(blockHtml).join('\n');
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'text':
      return `<p>${block.parts.map(inlineHtml).join('')}</p>`;
    case 'code':
      return `<pre><code${block.language && ` class="language-${block.language}"`}>${escaped(block.code)}\n</code></pre>`;
    case 'quote':
      return `<blockquote>\n${htmlOf(block.blocks)}\n</blockquote>`;
    case 'list': {
      const tag = block.start === undefined ? 'ul' : 'ol';
      const start = (block.start ?? 1) === 1 ? '' : ` start="${block.start}"`;
      return `<${tag}${start}>\n${block.items.map(itemHtml).join('\n')}\n</${tag}>`;
    }
  }
}

/** The text of an item stands in no paragraph of its own, as in a list without empty lines. */
function itemHtml(blocks: readonly Block[]): string {
  const [first, ...others] = blocks;
  if (first?.kind !== 'text') return `<li>\n${htmlOf(blocks)}\n</li>`;
  const text = first.parts.map(inlineHtml).join('');
  return others.length === 0
    ? `<li>${text}</li>`
    : `<li>${text}\n${htmlOf(others)}${others.at(-1)?.kind === 'code' ? '' : '\n'}</li>`;
}

function inlineHtml(part: Inline): string {
  if (typeof part === 'string') return escaped(part);
  switch (part.kind) {
    case 'code':
      return `<code>${escaped(part.code)}</code>`;
    case 'mention':
      return `<b>${escaped(part.text)}</b>`;
    case 'link':
      return `<a href="${escaped(part.href)}">${part.parts.map(inlineHtml).join('')}</a>`;
    default:
      return `<${part.kind}>${part.parts.map(inlineHtml).join('')}</${part.kind}>`;
  }
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

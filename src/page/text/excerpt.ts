import { parseMessage } from './blocks.ts';
import type { Block, Inline } from './message-nodes.ts';

/** A beginning much longer than any excerpt is enough to parse. */
const CHARS_PARSED_PER_CHAR = 4;

/** The beginning of a message in one line, without its mark-up: for quoted messages, notifications and titles. */
export function excerptOf(text: string, maxChars: number): string {
  const blocks = parseMessage(text.slice(0, maxChars * CHARS_PARSED_PER_CHAR + 100));
  const line = blocks.map(plainBlock).join(' ').replace(/\s+/g, ' ').trim();
  const chars = Array.from(line);
  return chars.length <= maxChars
    ? line
    : `${chars
        .slice(0, maxChars - 1)
        .join('')
        .trimEnd()}…`;
}

function plainBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
      return plain(block.parts);
    case 'code':
      return block.code;
    case 'quote':
      return block.blocks.map(plainBlock).join(' ');
    case 'list':
      return block.items.map((item) => item.map(plainBlock).join(' ')).join(' ');
  }
}

function plain(parts: readonly Inline[]): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      if (part.kind === 'code') return part.code;
      return part.kind === 'mention' ? part.text : plain(part.parts);
    })
    .join('');
}

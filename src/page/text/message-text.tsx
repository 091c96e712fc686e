import { Fragment, h, type VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { parseMessage } from './blocks.ts';
import { CodeBlock } from './code-block.tsx';
import { isEmojiOnly } from './emoji-only.ts';
import type { Block, Inline, Link, Mentioned } from './message-nodes.ts';

export interface MessageTextProps {
  readonly text: string;
  /** The people whom the message mentions. The same array for the same message: a new one has the text parsed again. */
  readonly mentioned?: readonly Mentioned[];
  /** The reader, whose mentions stand out. */
  readonly ownId?: string;
}

const NOBODY: readonly Mentioned[] = [];

/** The text of a message, drawn the same for all readers. It stands in block elements, and nothing of it is ever HTML. */
export function MessageText({ text, mentioned = NOBODY, ownId }: MessageTextProps) {
  const blocks = useMemo(() => parseMessage(text, mentioned), [text, mentioned]);
  return (
    <div class={isEmojiOnly(text) ? 'message-text emoji-only' : 'message-text'}>
      {drawBlocks(blocks, ownId)}
    </div>
  );
}

/* The children are arguments instead of an array, so they need no keys: a parsed text never changes. */

function drawBlocks(blocks: readonly Block[], ownId: string | undefined): VNode {
  return h(Fragment, null, ...blocks.map((block) => drawBlock(block, ownId)));
}

function drawBlock(block: Block, ownId: string | undefined): VNode {
  switch (block.kind) {
    case 'text':
      return h('p', { dir: 'auto' }, ...drawParts(block.parts, ownId));
    case 'code':
      return <CodeBlock code={block.code} language={block.language} />;
    case 'quote':
      return <blockquote>{drawBlocks(block.blocks, ownId)}</blockquote>;
    case 'list': {
      const items = block.items.map((item) => h('li', { dir: 'auto' }, drawBlocks(item, ownId)));
      if (block.start === undefined) return h('ul', null, ...items);
      return <ol start={block.start}>{h(Fragment, null, ...items)}</ol>;
    }
  }
}

function drawParts(parts: readonly Inline[], ownId: string | undefined): (VNode | string)[] {
  return parts.map((part) => drawPart(part, ownId));
}

function drawPart(part: Inline, ownId: string | undefined): VNode | string {
  if (typeof part === 'string') return part;
  switch (part.kind) {
    case 'code':
      return <code>{part.code}</code>;
    case 'mention':
      return <bdi class={part.userId === ownId ? 'mention of-reader' : 'mention'}>{part.text}</bdi>;
    case 'link':
      return drawLink(part, ownId);
    default:
      return h(part.kind, null, ...drawParts(part.parts, ownId));
  }
}

function drawLink({ href, leadsTo, parts }: Link, ownId: string | undefined): VNode {
  const label = drawParts(parts, ownId);
  const attributes = { href, target: '_blank', rel: 'noopener noreferrer nofollow' };
  if (leadsTo === undefined) return h('a', attributes, ...label);
  return h('a', attributes, h('bdi', null, ...label), ' ', <span class="leads-to">({leadsTo})</span>);
}

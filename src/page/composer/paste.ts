import { asBlock, isLong, linesOf } from '../text/long-code.ts';

/** A long text that was pasted, as long as the field still has it. */
export interface Paste {
  readonly text: string;
  readonly lines: number;
  readonly chars: number;
}

/** Undefined: the text is short enough to stand in a message as it is. */
export function longPaste(text: string): Paste | undefined {
  const pasted = text.replace(/\r\n?/g, '\n');
  // Somebody who pastes a block has it already.
  if (!isLong(pasted) || pasted.startsWith('```')) return undefined;
  return { text: pasted, lines: linesOf(pasted.replace(/\n$/, '')), chars: pasted.length };
}

export function isStillThere(field: string, paste: Paste): boolean {
  return field.includes(paste.text);
}

/** Puts a fence around the pasted text, on lines of its own. */
export function withPasteAsBlock(field: string, paste: Paste): string {
  const start = field.indexOf(paste.text);
  if (start < 0) return field;
  const before = field.slice(0, start);
  const after = field.slice(start + paste.text.length);
  const above = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  const below = after === '' || after.startsWith('\n') ? after : `\n${after}`;
  return `${above}${asBlock(paste.text)}${below}`;
}

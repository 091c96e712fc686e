/** A text with more lines or characters than these is long: it is shown collapsed, and pasting it offers to send it so. */
const MAX_LINES = 20;
const MAX_CHARS = 2_000;
const PREVIEW_LINES = 8;
const PREVIEW_CHARS = 800;

export interface Preview {
  readonly text: string;
  /** The size of the whole. */
  readonly lines: number;
  readonly chars: number;
}

export function isLong(text: string): boolean {
  return text.length > MAX_CHARS || linesOf(text) > MAX_LINES;
}

/** The beginning of a long text; undefined if it is short. */
export function previewOf(text: string): Preview | undefined {
  if (!isLong(text)) return undefined;
  const beginning = text.split('\n', PREVIEW_LINES).join('\n').slice(0, PREVIEW_CHARS);
  // The cut may have split a character of two units.
  return { text: beginning.replace(/[\ud800-\udbff]$/, ''), lines: linesOf(text), chars: text.length };
}

/** A code block with the text, under a fence that the text does not contain. */
export function asBlock(text: string): string {
  const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text.replace(/\n$/, '')}\n${fence}`;
}

export function linesOf(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

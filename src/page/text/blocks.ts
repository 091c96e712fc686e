import type { Meter } from './delimiter-runs.ts';
import { parseInline } from './inline.ts';
import type { Block, Mentioned } from './message-nodes.ts';

/**
 * Parses a message: a subset of CommonMark with paragraphs, code blocks, quotes, lists and what `parseInline` knows. HTML,
 * images, headings and tables are text, and line ends stay where they were written. Every text parses, in time that grows
 * with its length only, into a tree of bounded depth.
 */
export function parseMessage(
  text: string,
  mentioned: readonly Mentioned[] = [],
  meter: Meter = { steps: 0 },
): readonly Block[] {
  return parseLines(text.split(/\r\n?|\n/), 0, mentioned, meter);
}

/** Quotes and lists nest so deep; beyond that their marks are text. */
const MAX_DEPTH = 4;
const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
/** The space tells a quote from a face such as >_< or >:( */
const QUOTE = /^ {0,3}>(?= |>|$) ?/;
const BULLET = /^( {0,3})([-*+])( +)\S/;
const NUMBER = /^( {0,3})(\d{1,9})([.)])( +)\S/;
const LANGUAGE = /^[\w+#.-]{0,30}$/;

interface Marker {
  /** Items of one list have the same. */
  readonly mark: string;
  readonly start?: number;
  /** A line of the same item begins with at least so many spaces. */
  readonly inner: number;
  /** The content's column in the first line. */
  readonly content: number;
}

function parseLines(
  lines: readonly string[],
  depth: number,
  mentioned: readonly Mentioned[],
  meter: Meter,
): readonly Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let index = 0;

  function endParagraph(): void {
    if (paragraph.length === 0) return;
    blocks.push({ kind: 'text', parts: parseInline(paragraph.join('\n'), mentioned, meter) });
    paragraph = [];
  }

  function add(block: Block): void {
    endParagraph();
    blocks.push(block);
  }

  /** Takes lines while `wanted` agrees. */
  function take(wanted: (line: string) => boolean): string[] {
    const from = index;
    while (index < lines.length && wanted(lines[index] ?? '')) index += 1;
    meter.steps += index - from;
    return lines.slice(from, index);
  }

  function readCode(mark: string, info: string): void {
    index += 1;
    const code = take((line) => !isFenceEnd(line, mark));
    index += 1;
    // Several words are no name of a language: somebody began the code right after the backticks.
    const named = LANGUAGE.test(info.trim());
    const written = named ? code : [info, ...code];
    add({ kind: 'code', code: written.join('\n'), language: named ? info.trim() : '' });
  }

  function readQuote(): void {
    const quoted = take((line) => QUOTE.test(line)).map((line) => line.replace(QUOTE, ''));
    add({ kind: 'quote', blocks: parseLines(quoted, depth + 1, mentioned, meter) });
  }

  function readList(first: Marker): void {
    const items: (readonly Block[])[] = [];
    for (
      let marker: Marker | undefined = first;
      marker?.mark === first.mark;
      marker = markerOf(lines[index])
    ) {
      const { content, inner } = marker;
      const head = (lines[index] ?? '').slice(content);
      index += 1;
      const belongs = (line: string | undefined) => line?.trim() !== '' && indentOf(line) >= inner;
      const rest = take((line) => belongs(line) || (line.trim() === '' && belongs(lines[index + 1])));
      const body = rest.map((line) => line.slice(Math.min(content, indentOf(line))));
      items.push(parseLines([head, ...body], depth + 1, mentioned, meter));
      // One empty line between two items does not end the list.
      if (lines[index]?.trim() === '' && markerOf(lines[index + 1])?.mark === first.mark) index += 1;
    }
    add({ kind: 'list', start: first.start, items });
  }

  while (index < lines.length) {
    meter.steps += 1;
    const line = lines[index] ?? '';
    const fence = FENCE.exec(line);
    const marker = depth < MAX_DEPTH ? markerOf(line) : undefined;
    // CommonMark has the same rule: a year at the beginning of a line does not break a sentence up.
    const interrupts = paragraph.length === 0 || marker?.start === undefined || marker.start === 1;
    if (fence) readCode(fence[1] ?? '', fence[2] ?? '');
    else if (depth < MAX_DEPTH && QUOTE.test(line)) readQuote();
    else if (marker && interrupts) readList(marker);
    else {
      if (line.trim() === '') endParagraph();
      else paragraph.push(line);
      index += 1;
    }
  }
  endParagraph();
  return blocks;
}

function markerOf(line: string | undefined): Marker | undefined {
  const bullet = BULLET.exec(line ?? '');
  const number = bullet ? null : NUMBER.exec(line ?? '');
  const [all = '', indent = '', , delimiter = ''] = bullet ?? number ?? [];
  if (bullet) return { mark: bullet[2] ?? '', inner: indent.length + 2, content: all.length - 1 };
  if (!number) return undefined;
  return { mark: delimiter, start: Number(number[2]), inner: indent.length + 2, content: all.length - 1 };
}

function indentOf(line = ''): number {
  return line.length - line.trimStart().length;
}

function isFenceEnd(line: string, mark: string): boolean {
  const end = line.trim();
  return end.length >= mark.length && indentOf(line) <= 3 && end === (mark[0] ?? '').repeat(end.length);
}

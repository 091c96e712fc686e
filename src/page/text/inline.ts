import { type BareAddress, bareAddresses, labelled, parseTarget, type Target } from './addresses.ts';
import { assemble, type Piece, textOf } from './assemble.ts';
import { type DelimiterRun, type Meter, pairRuns, readRun } from './delimiter-runs.ts';
import { mentionAt } from './mentions.ts';
import type { Inline, Mentioned } from './message-nodes.ts';

/** The index of an open bracket among the pieces. */
interface Bracket {
  readonly piece: number;
  readonly run: number;
  readonly image: boolean;
}

const ESCAPABLE = /^[*_`[\]]$/;
/** The depth that CommonMark allows in the address of a link. */
const MAX_BRACKETS_IN_ADDRESS = 32;

/**
 * Parses the text of one paragraph: emphasis, code spans, links and mentions. It reads the text once from left to right;
 * what turns out to be no mark-up is shown as it was written.
 */
export function parseInline(text: string, mentioned: readonly Mentioned[], meter: Meter): readonly Inline[] {
  const pieces: Piece[] = [];
  const runs: DelimiterRun[] = [];
  const brackets: Bracket[] = [];
  const addresses = addressReader(text);
  const codeEnds = backtickReader(text, meter);
  const special = markReader(text);
  let index = 0;

  function literal(end: number): void {
    pieces.push({ kind: 'text', text: text.slice(index, end) });
    index = end;
  }

  function readCode(): void {
    const start = endOfRun(text, index);
    const end = codeEnds(start, start - index);
    if (end === undefined) {
      literal(start);
      return;
    }
    const code = text.slice(start, end).replaceAll('\n', ' ');
    const padded = code.startsWith(' ') && code.endsWith(' ') && code.trim() !== '';
    pieces.push({ kind: 'node', node: { kind: 'code', code: padded ? code.slice(1, -1) : code } });
    index = end + (start - index);
  }

  function readMark(): void {
    const run = readRun(text, index);
    runs.push(run);
    pieces.push({ kind: 'run', run });
    index += run.length;
  }

  function closeBracket(): void {
    const bracket = brackets.pop();
    const target =
      bracket && !bracket.image && text[index + 1] === '(' ? readTarget(text, index + 2, meter) : undefined;
    const label = target && bracket ? pieces.slice(bracket.piece + 1) : [];
    if (target && bracket) pairRuns(runs.slice(bracket.run), meter);
    const shown = textOf(label);
    if (!bracket || !target || shown.trim() === '') {
      literal(index + 1);
      return;
    }
    runs.length = bracket.run;
    pieces.length = bracket.piece;
    pieces.push({
      kind: 'node',
      node: { kind: 'link', ...labelled(target, shown), parts: assemble(label, true) },
    });
    // A link has no links inside.
    brackets.length = 0;
    index = target.end;
  }

  while (index < text.length) {
    meter.steps += 1;
    const address = addresses.next(index);
    const next = Math.min(special(index), address?.index ?? text.length);
    if (next > index) literal(next);
    if (index >= text.length) break;
    if (address?.index === index) {
      const { href, leadsTo } = address;
      pieces.push({ kind: 'node', node: { kind: 'link', href, leadsTo, parts: [address.text] } });
      index += address.text.length;
      continue;
    }
    const mention = text[index] === '@' ? mentionAt(text, index, mentioned) : undefined;
    if (mention) {
      pieces.push({ kind: 'node', node: mention });
      index += mention.text.length;
    } else if (text[index] === '\\' && ESCAPABLE.test(text[index + 1] ?? '')) {
      index += 1;
      literal(index + 1);
    } else if (text[index] === '`') readCode();
    else if (text[index] === '*' || text[index] === '_') readMark();
    else if (text[index] === '[') {
      brackets.push({ piece: pieces.length, run: runs.length, image: text[index - 1] === '!' });
      literal(index + 1);
    } else if (text[index] === ']') closeBracket();
    else literal(index + 1);
  }
  pairRuns(runs, meter);
  return assemble(pieces, false);
}

/** Hands out the bare addresses of a text one after the other, without those that begin in a part already read. */
function addressReader(text: string): { next(from: number): BareAddress | undefined } {
  const addresses = bareAddresses(text);
  let read = 0;
  return {
    next(from) {
      while ((addresses[read]?.index ?? from) < from) read += 1;
      return addresses[read];
    },
  };
}

/** Returns a function that finds the next character that may be mark-up. */
function markReader(text: string): (from: number) => number {
  const marks = /[\\`*_[\]@]/g;
  let next = -1;
  return (from) => {
    if (next < from) {
      marks.lastIndex = from;
      next = marks.exec(text)?.index ?? text.length;
    }
    return next;
  };
}

function endOfRun(text: string, start: number): number {
  let end = start;
  while (text[end] === '`') end += 1;
  return end;
}

/** Returns a function that finds the next run of exactly so many backticks. All runs are found once, at the first call. */
function backtickReader(text: string, meter: Meter): (from: number, length: number) => number | undefined {
  let starts: Map<number, number[]> | undefined;

  function find(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (const { 0: run, index } of text.matchAll(/`+/g)) {
      const same = found.get(run.length) ?? [];
      same.push(index);
      found.set(run.length, same);
    }
    // The earliest is taken from the end of the list.
    for (const same of found.values()) same.reverse();
    return found;
  }

  return (from, length) => {
    starts ??= find();
    const same = starts.get(length) ?? [];
    while ((same.at(-1) ?? from) < from) {
      meter.steps += 1;
      same.pop();
    }
    return same.at(-1);
  };
}

/** Reads the address of a link up to its closing bracket. */
function readTarget(
  text: string,
  start: number,
  meter: Meter,
): (Target & { readonly end: number }) | undefined {
  let depth = 0;
  for (let end = start; end < text.length; end++) {
    meter.steps += 1;
    const char = text[end] ?? '';
    if (char === '(') depth += 1;
    if (depth > MAX_BRACKETS_IN_ADDRESS || /[\s<]/.test(char)) return undefined;
    if (char !== ')') continue;
    if (depth === 0) {
      const target = parseTarget(text.slice(start, end));
      return target && { ...target, end: end + 1 };
    }
    depth -= 1;
  }
  return undefined;
}

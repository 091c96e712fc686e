/**
 * A run of `*` or `_` in a text, and the emphasis that begins and ends there. The rules are those of CommonMark: `**` is
 * strong, a run may end one emphasis and begin another, and `_` does neither within a word.
 */
export interface DelimiterRun {
  readonly char: '*' | '_';
  readonly length: number;
  readonly canOpen: boolean;
  readonly canClose: boolean;
  /** The characters that belong to no emphasis, and are shown. */
  left: number;
  /** The kinds of emphasis that end here, the inner ones first. */
  readonly closes: Kind[];
  /** The kinds of emphasis that begin here, the inner ones first. */
  readonly opens: Kind[];
}

type Kind = 'strong' | 'em';

/** Counts the work of a parse. Tests compare it; nothing else reads it. */
export interface Meter {
  steps: number;
}

const SPACE = /^\s?$/;
const PUNCTUATION = /^[\p{P}\p{S}]$/u;
/** Chinese and Japanese have no spaces around words, so a mark between a full stop and a letter must count there too. */
const WITHOUT_SPACES = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]$/u;

/** Reads the run that begins at `start` in the text. */
export function readRun(text: string, start: number): DelimiterRun {
  const char = text[start] === '_' ? '_' : '*';
  let end = start + 1;
  while (text[end] === char) end += 1;
  const before = charBefore(text, start);
  const after = charAfter(text, end);
  const opening = flanks(before, after);
  const closing = flanks(after, before);
  const inWord = char === '_';
  return {
    char,
    length: end - start,
    left: end - start,
    canOpen: opening && (!inWord || !closing || PUNCTUATION.test(before)),
    canClose: closing && (!inWord || !opening || PUNCTUATION.test(after)),
    closes: [],
    opens: [],
  };
}

/** True: a run between the two characters touches the word on its inner side. */
function flanks(outer: string, inner: string): boolean {
  if (SPACE.test(inner)) return false;
  return (
    !PUNCTUATION.test(inner) || SPACE.test(outer) || PUNCTUATION.test(outer) || WITHOUT_SPACES.test(outer)
  );
}

function charBefore(text: string, index: number): string {
  const low = text.charCodeAt(index - 1);
  return text.slice(low >= 0xdc00 && low <= 0xdfff ? index - 2 : index - 1, index);
}

function charAfter(text: string, index: number): string {
  const code = text.codePointAt(index);
  return code === undefined ? '' : String.fromCodePoint(code);
}

/** Finds which runs belong together. The work grows with the number of runs, whatever they are. */
export function pairRuns(runs: readonly DelimiterRun[], meter: Meter): void {
  const openers: DelimiterRun[] = [];
  /** The height for each class of a closing run: no opener below this height fits it. */
  const searched = new Map<string, number>();

  function cutTo(height: number): void {
    openers.length = height;
    for (const [key, floor] of searched) if (floor > height) searched.set(key, height);
  }

  function findOpener(closer: DelimiterRun): number {
    const key = `${closer.char}${closer.canOpen}${closer.length % 3}`;
    const floor = searched.get(key) ?? 0;
    for (let height = openers.length - 1; height >= floor; height--) {
      meter.steps += 1;
      const opener = openers[height];
      if (opener && fits(opener, closer)) return height;
    }
    searched.set(key, openers.length);
    return -1;
  }

  for (const run of runs) {
    while (run.canClose && run.left > 0) {
      const height = findOpener(run);
      const opener = openers[height];
      if (!opener) break;
      const kind = opener.left >= 2 && run.left >= 2 ? 'strong' : 'em';
      const used = kind === 'strong' ? 2 : 1;
      opener.left -= used;
      run.left -= used;
      opener.opens.push(kind);
      run.closes.push(kind);
      cutTo(opener.left > 0 ? height + 1 : height);
    }
    if (run.canOpen && run.left > 0) openers.push(run);
  }
}

function fits(opener: DelimiterRun, closer: DelimiterRun): boolean {
  if (opener.char !== closer.char) return false;
  if (!opener.canClose && !closer.canOpen) return true;
  return closer.length % 3 === 0 || (opener.length + closer.length) % 3 !== 0;
}

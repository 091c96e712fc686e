/** The room that a text leaves in the server's limit, in characters, although the limit is one of bytes. */
export interface TextBudget {
  /** So many characters at the end of the text must go; 0 if it fits. */
  readonly over: number;
  /** About so many characters fit still, as long as these on average. Undefined while there is much room. */
  readonly left?: number;
}

/** The hint appears from this share of the limit on. */
const HINT_FROM = 0.8;

export function budgetOf(text: string, maxBytes: number): TextBudget {
  // UTF-8 needs at most three bytes per UTF-16 unit, so short texts need no encoding at each key.
  if (text.length * 3 <= maxBytes * HINT_FROM) return { over: 0 };
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > maxBytes) return { over: charsOver(text, bytes - maxBytes) };
  if (bytes <= maxBytes * HINT_FROM) return { over: 0 };
  return { over: 0, left: Math.floor(((maxBytes - bytes) * charsOf(text)) / bytes) };
}

/** Counts the characters from the end that have so many bytes. */
function charsOver(text: string, bytes: number): number {
  let [chars, gone] = [0, 0];
  for (let end = text.length; end > 0 && gone < bytes; chars++) {
    const pair = isPair(text, end - 2);
    const code = text.charCodeAt(end - 1);
    gone += pair ? 4 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    end -= pair ? 2 : 1;
  }
  return chars;
}

function charsOf(text: string): number {
  let chars = 0;
  for (const _ of text) chars += 1;
  return chars;
}

function isPair(text: string, index: number): boolean {
  return index >= 0 && (text.codePointAt(index) ?? 0) > 0xffff;
}

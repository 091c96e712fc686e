import type { DelimiterRun } from './delimiter-runs.ts';
import type { Emphasis, Inline } from './message-nodes.ts';

/** A part of a paragraph in the order of the text. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'node'; readonly node: Exclude<Inline, string | Emphasis> }
  | { readonly kind: 'run'; readonly run: DelimiterRun };

/** The page draws nested emphasis by recursion. Marks beyond this depth are shown as they were written. */
const MAX_DEPTH = 12;

/** Builds the tree of pieces whose runs are paired. Within a link, an address is plain text. */
export function assemble(pieces: readonly Piece[], inLink: boolean): readonly Inline[] {
  const root: Inline[] = [];
  /** The emphasis around the current place, and where its content goes. Without `drawn` its marks are shown instead. */
  const open: { readonly parts: Inline[]; readonly drawn: boolean }[] = [];
  const current = () => open.at(-1)?.parts ?? root;

  function write(run: DelimiterRun): void {
    for (const kind of run.closes) {
      if (!open.pop()?.drawn) append(current(), markOf(run, kind));
    }
    if (run.left > 0) append(current(), run.char.repeat(run.left));
    for (const kind of run.opens.toReversed()) {
      const around = current();
      if (open.length >= MAX_DEPTH) {
        append(around, markOf(run, kind));
        open.push({ parts: around, drawn: false });
      } else {
        const parts: Inline[] = [];
        around.push({ kind, parts });
        open.push({ parts, drawn: true });
      }
    }
  }

  for (const piece of pieces) {
    if (piece.kind === 'run') write(piece.run);
    else if (piece.kind === 'text') append(current(), piece.text);
    else if (inLink && piece.node.kind === 'link') append(current(), textOf([piece]));
    else current().push(piece.node);
  }
  return root;
}

/** The nodes of the pieces, once their runs are paired. */
export function textOf(pieces: readonly Piece[]): string {
  return pieces
    .map((piece) => {
      if (piece.kind === 'text') return piece.text;
      if (piece.kind === 'run') return piece.run.char.repeat(piece.run.left);
      return shown(piece.node);
    })
    .join('');
}

function shown(node: Inline): string {
  if (typeof node === 'string') return node;
  if (node.kind === 'code') return node.code;
  if (node.kind === 'mention') return node.text;
  return node.parts.map(shown).join('');
}

function markOf({ char }: DelimiterRun, kind: 'strong' | 'em'): string {
  return kind === 'strong' ? char + char : char;
}

/** Joins neighbouring texts, so that a plain message is one string. */
function append(parts: Inline[], text: string): void {
  const last = parts.at(-1);
  if (typeof last === 'string') parts[parts.length - 1] = last + text;
  else if (text !== '') parts.push(text);
}

/*
 * Pieces of HTML and SVG. Every text is escaped where it is put in, so no module of the report escapes by itself: room
 * names, addresses and error texts come from outside.
 */

export interface Html {
  readonly html: string;
}

type Part = Html | string | number | readonly Html[] | undefined;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A tagged template: its values are escaped unless they are pieces of HTML. Undefined leaves nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const texts = strings.map((text, index) => text + textOf(parts[index]));
  return { html: texts.join('') };
}

/** A piece that is HTML as it stands: a style sheet, a number list of a path. */
export const verbatim = (text: string): Html => ({ html: text });

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
  return 'html' in part ? part.html : part.map((one) => one.html).join('');
}

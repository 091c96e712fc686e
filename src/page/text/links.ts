export interface TextPart {
  readonly text: string;
  /** An http or https address, safe to put into a link. */
  readonly href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"]+/gi;
/** Punctuation after an address belongs to the sentence around it. */
const TRAILING = /[.,;:!?'”’)\]}]+$/;

export function splitLinks(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTrailing(match[0]);
    const href = parseHref(address);
    if (href === undefined) continue;
    if (match.index > done) parts.push({ text: text.slice(done, match.index) });
    parts.push({ text: address, href });
    done = match.index + address.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Keeps a closing bracket that the address itself opened. */
function withoutTrailing(address: string): string {
  const bare = address.replace(TRAILING, '');
  return bare.includes('(') && address[bare.length] === ')' ? `${bare})` : bare;
}

function parseHref(address: string): string | undefined {
  try {
    const { protocol, href } = new URL(address);
    return protocol === 'http:' || protocol === 'https:' ? href : undefined;
  } catch {
    return undefined;
  }
}

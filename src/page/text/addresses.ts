/** An address in a text, with what a reader should know about where it leads. */
export interface Address {
  readonly href: string;
  /** The host it leads to, where the visible text does not say it. */
  readonly leadsTo?: string;
}

/* Characters that draw nothing or turn the direction of the text end an address: it must look like what it is. */
const BARE = /(?:https?:\/\/|mailto:)[^\s<>"\p{Cf}\p{Cc}]+/giu;
/** Punctuation after an address belongs to the sentence around it, or to the Markdown around that. */
const TRAILING = '.,;:!?\'"”’)]}*_~`';
const AUTHORITY = /^https?:\/\/([^/?#\\]*)/i;

/** An address that a link may lead to. `target`: its host, or whom a mail goes to. */
export interface Target {
  readonly href: string;
  readonly target: string;
}

export interface BareAddress extends Address {
  readonly text: string;
  readonly index: number;
}

/** Finds the addresses that stand in a text without any mark-up. */
export function bareAddresses(text: string): readonly BareAddress[] {
  const found: BareAddress[] = [];
  for (const { 0: match, index } of text.matchAll(BARE)) {
    // The label of a link ends there.
    const address = withoutTrailing(match.split('](', 1)[0] ?? '');
    const url = parseAddress(address);
    if (url) found.push({ text: address, index, href: url.href, leadsTo: strangeHost(address, url) });
  }
  return found;
}

/** The target of a label's link. The host is told unless the label is that address. */
export function labelled({ href, target }: Target, label: string): Address {
  const shown = label.trim().toLowerCase();
  const bare = href.replace(/^(?:https?:\/\/|mailto:)/, '');
  const isHonest = [target, href, bare].some((address) =>
    [shown, `${shown}/`].includes(address.toLowerCase()),
  );
  return isHonest ? { href } : { href, leadsTo: target };
}

/** The address between the brackets of a link. */
export function parseTarget(address: string): Target | undefined {
  const url = parseAddress(address);
  return url && { href: url.href, target: url.protocol === 'mailto:' ? url.pathname : url.host };
}

function parseAddress(address: string): URL | undefined {
  // The parser of addresses removes line ends and tabs within them.
  if (/[\s\p{Cc}]/u.test(address)) return undefined;
  try {
    const url = new URL(address);
    if (url.protocol === 'mailto:')
      return url.pathname.includes('@') ? new URL(`mailto:${url.pathname}`) : undefined;
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    return undefined;
  }
}

/** The host of an address that shows another one: it names a user before the host, or has look-alike letters. */
function strangeHost(address: string, url: URL): string | undefined {
  if (url.protocol === 'mailto:') return undefined;
  const shown = AUTHORITY.exec(address)?.[1]
    ?.toLowerCase()
    .replace(/:(?:80|443)?$/, '');
  return shown === url.host ? undefined : url.host;
}

/** Keeps a closing bracket that the address itself opened. */
function withoutTrailing(address: string): string {
  let end = address.length;
  while (TRAILING.includes(address[end - 1] ?? ' ')) end -= 1;
  const bare = address.slice(0, end);
  return bare.includes('(') && address[bare.length] === ')' ? `${bare})` : bare;
}

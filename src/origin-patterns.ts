/** Origins as browsers and web views send them, and the patterns of CORS_ORIGIN, which may begin with a `*.` label. */

/** `capacitor://localhost`, `https://example.org:8443`: an application's pages may have a scheme of their own. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^\s/?#@\\]+)$/i;
const HOST_AND_PORT = /^([^:[\]]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i;
const ANY_LABEL = '*.';
const MAX_PORT = 65_535;
const EXAMPLE = 'https://example.org';

/**
 * Returns the canonical spelling in which origins are compared, or undefined. `URL.origin` is "null" for every scheme that
 * is not the web's, which would make all such applications equal.
 */
export function parseOrigin(text: string): string | undefined {
  const [, scheme = '', rest = ''] = ORIGIN.exec(text.toLowerCase()) ?? [];
  const [, host, port] = HOST_AND_PORT.exec(rest) ?? [];
  if (host === undefined || Number(port ?? 0) > MAX_PORT) return undefined;
  // Drops the default port and writes international names in Punycode, as browsers do.
  if (scheme === 'http' || scheme === 'https') {
    return URL.canParse(`${scheme}://${rest}`) ? new URL(`${scheme}://${rest}`).origin : undefined;
  }
  return `${scheme}://${rest}`;
}

/** Parses an origin, or `https://*.example.org` for all names below that one but not itself. */
export function parseOriginPattern(raw: string): { readonly value: string } | { readonly problem: string } {
  const problem = problemOf(raw);
  if (problem !== undefined) return { problem };
  const [begin = '', end] = raw.replace(/\/$/, '').split(ANY_LABEL);
  if (end === undefined) {
    const value = parseOrigin(begin);
    return value === undefined ? { problem: GRAMMAR } : { value };
  }
  // A label replaces the star, and the result must parse as a name: an address has no names below it.
  const label = 'any.';
  const some = parseOrigin(`${begin}${label}${end}`);
  return some === undefined
    ? { problem: GRAMMAR }
    : { value: some.replace(`://${label}`, `://${ANY_LABEL}`) };
}

const GRAMMAR = `must be * or a comma list of origins such as ${EXAMPLE} or https://*.example.org`;

/** Explains common mistakes that would make a pattern that never matches. */
function problemOf(raw: string): string | undefined {
  if (raw === '*') return 'must be * alone or a list without it';
  const [, scheme, authority = '', path = ''] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\\]*)(.*)$/i.exec(raw) ?? [];
  if (scheme === undefined) {
    const origin = `https://${raw}`;
    const meant = /^[^\s/:]+\.[^\s/:]+(:\d+)?$/.test(raw) ? origin : EXAMPLE;
    return `must name the scheme of each origin, as in ${meant}`;
  }
  if (/^wss?$/i.test(scheme)) {
    return 'must name the pages that connect, not where they connect to: http: or https:, not ws: or wss:';
  }
  if (authority.includes('@')) return 'must not hold a user or a password';
  if (path !== '' && path !== '/') {
    return `must be origins, which have no path: ${scheme}://${authority}`;
  }
  const stars = authority.split('*').length - 1;
  if (stars > 0 && (stars > 1 || !/^\*\.[^.:]/.test(authority))) {
    return 'may have * in place of all in front of a name only, as in https://*.example.org';
  }
  return undefined;
}

/** Returns whether the origin matches one of the patterns, which are in their canonical spelling. */
export function matchesOrigin(patterns: readonly string[], given: string): boolean {
  // Fast path: browsers nearly always send the canonical spelling.
  if (patterns.includes(given)) return !given.includes(ANY_LABEL);
  const origin = parseOrigin(given);
  if (origin === undefined) return false;
  return patterns.some((pattern) => {
    const [begin = '', end] = pattern.split(ANY_LABEL);
    if (end === undefined) return origin === begin;
    const rest = origin.startsWith(begin) ? origin.slice(begin.length) : '';
    return rest.length > end.length + 1 && rest.endsWith(`.${end}`);
  });
}

/** Returns whether one of the patterns matches pages of this host name, on any port. */
export function includesHost(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    const [, scheme, rest = ''] = /^(https?):\/\/(.*)$/.exec(pattern) ?? [];
    const host = HOST_AND_PORT.exec(rest)?.[1]?.replace(/^\[|\]$/g, '');
    if (scheme === undefined || host === undefined) return false;
    return host.startsWith(ANY_LABEL)
      ? name.length > host.length - 1 && name.endsWith(host.slice(ANY_LABEL.length - 1))
      : name === host;
  });
}

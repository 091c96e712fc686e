import { isIP } from 'node:net';

/** The name in a Host header or after the scheme of an address, without port and brackets; undefined: it is none. */
export function hostNameOf(host: string): string | undefined {
  const url = `http://${host}`;
  if (!/^[^/?#@\\\s]+$/.test(host) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/(.)\.$/, '$1');
}

/** An address by its number: 127.example.org is a name that anybody can have. Names below localhost nobody can. */
export function isLoopbackName(given: string): boolean {
  const name = given.toLowerCase();
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  );
}

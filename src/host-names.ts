import { isIP } from 'node:net';

/** A name or an address, and perhaps a port. Parsers of URLs differ in the rest: they skip tabs, decode `%40`, end a name at a backslash. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d*)?$/i;

/** The name in a Host header, without port and brackets; undefined if the header holds none. */
export function hostNameOf(host: string): string | undefined {
  const url = `http://${host}`;
  if (!HOST.test(host) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/(.)\.$/, '$1');
}

/** The same of an origin such as `https://example.org:8443`. */
export function hostNameOfOrigin(origin: string): string | undefined {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/i.exec(origin)?.[1];
  return host === undefined ? undefined : hostNameOf(host);
}

/** A loopback address counts by its number: anybody can own 127.example.org. Nobody can own a name below localhost. */
export function isLoopbackName(given: string): boolean {
  const name = given.toLowerCase();
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  );
}

/**
 * A host name, or an IPv4 address: all digits and dots is meant as an address, and 10.0.0.300 is none. `0` is a short
 * form of 0.0.0.0 that the system resolves.
 */
export function isHostName(text: string): boolean {
  return /^[\d.]+$/.test(text)
    ? text === '0' || isIP(text) === 4
    : /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/i.test(text);
}

/** A host name or an address as a URL holds it: an IPv6 address stands in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

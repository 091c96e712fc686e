import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostNameOf, isLoopbackName } from '../host-names.ts';

type Headers = IncomingMessage['headers'];

/**
 * DNS rebinding: a web page on the internet gives its own name this listener's address, and its browser then takes both for one
 * origin. Such a name has a dot and is no address. Beyond loopback the other pages of the admin port accept any name, since they
 * name no room and change nothing that needs a key.
 */
export function isNameOfOurs(host: string | undefined, adminHost: string): boolean {
  const name = hostNameOf(host ?? '')?.toLowerCase();
  if (name === undefined) return false;
  const isAddress = isIP(name) !== 0;
  return isAddress || isLoopbackName(name) || name === adminHost.toLowerCase() || !name.includes('.');
}

/** Returns whether a browser sent this for a page of another origin: a page of another port of this machine is one, too. */
export function isFromOtherOrigin({ origin, host, 'sec-fetch-site': site }: Headers): boolean {
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

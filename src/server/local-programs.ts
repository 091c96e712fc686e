import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';

const FORWARDED = ['forwarded', 'via', 'x-real-ip'];

/**
 * Whether a request without a key may read what is for operators: it comes from this machine, was not passed on
 * (through an nginx on this machine everything comes from loopback), and no web page sent it: a page's requests
 * carry its own name as Host, after DNS rebinding, or as Origin.
 */
export function isLocalProgram({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
  const passedOn = Object.keys(headers).some(
    (name) => FORWARDED.includes(name) || name.startsWith('x-forwarded-'),
  );
  // Browsers say this of every request that another site's page sends, also of those without an Origin.
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (passedOn || !isLoopbackAddress(socket.remoteAddress ?? '')) return false;
  if (!isLoopbackName(hostName(`http://${headers.host ?? ''}`))) return false;
  return headers.origin === undefined || isLoopbackName(hostName(headers.origin));
}

function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

/** As URLs spell it. */
function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || isLoopbackAddress(name);
}

/** Not by its beginning alone: 127.0.0.1.example.org is a name that anybody can have. */
function isLoopbackAddress(address: string): boolean {
  const ipv4 = address.replace(/^::ffff:/i, '');
  return address === '::1' || (isIPv4(ipv4) && ipv4.startsWith('127.'));
}

import type { IncomingMessage } from 'node:http';

const FORWARDED = ['forwarded', 'via', 'x-real-ip'];

/**
 * Whether a request without a key may read what is for operators: it comes from this machine, was not passed on
 * (through an nginx on this machine everything comes from loopback), and no web page sent it: a page's requests
 * carry its own name as Host, after DNS rebinding, or as Origin.
 */
export function isLocalProgram({ socket, headers }: IncomingMessage): boolean {
  const passedOn = Object.keys(headers).some(
    (name) => FORWARDED.includes(name) || name.startsWith('x-forwarded-'),
  );
  if (passedOn || !isLoopback(socket.remoteAddress ?? '')) return false;
  if (!isLoopback(hostName(`http://${headers.host ?? ''}`))) return false;
  return headers.origin === undefined || isLoopback(hostName(headers.origin));
}

function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || /^(::ffff:)?127\.|^\[?::1\]?$/.test(name);
}

import type { IncomingMessage } from 'node:http';
import { hostNameOf, isLoopbackName } from '../../host-names.ts';
import type { Logger } from '../../log.ts';
import { includesHost } from '../../origin-patterns.ts';
import { refuse } from '../../protocol/codes.ts';
import type { Routes } from './engine.ts';
import type { AllowedOrigins } from './origins.ts';
import { refuseUpgrade } from './refused-upgrades.ts';

export interface HostRules {
  /** `HOST`, where the listeners are bound. */
  readonly host: string;
  readonly corsOrigin: AllowedOrigins;
}

/*
 * DNS rebinding: a web page in a browser on this machine reaches a loopback listener if the page's name resolves to 127.0.0.1 after
 * the page has loaded. The browser then takes both for one origin. Such a request carries the page's name as Host, so foreign names
 * are refused.
 *
 * A proxy on this machine may forward the name that it was asked by. It sets Via, the only proxy header that browsers let no
 * script set; any page can write X-Forwarded-For.
 */
export function isForeignHost(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { host: own, corsOrigin }: HostRules,
): boolean {
  // Every browser sends a Host.
  if (headers.host === undefined || headers.via !== undefined || corsOrigin === '*') return false;
  const name = hostNameOf(headers.host);
  if (name === undefined) return true;
  if (isLoopbackName(name) || name === own.toLowerCase() || isUpstreamName(name)) return false;
  return !includesHost(corsOrigin ?? [], name);
}

/**
 * A proxy without a Host rule sends the name of its upstream group, as in nginx's WebSocket sample. A page on the internet cannot
 * have a name without a dot.
 */
function isUpstreamName(name: string): boolean {
  return /^[a-z_][a-z0-9_-]*$/.test(name);
}

const WHY =
  'Host: this name is not served on a loopback HOST; set CORS_ORIGIN to its origin, or let the proxy in front send a Via header';
const BODY = JSON.stringify({ error: refuse('forbidden', WHY).error });

/** Guards the routes of a loopback listener. Returns the routes of other listeners unchanged. */
export function guardHosts(routes: Routes, rules: HostRules, log: Logger): Routes {
  if (!isLoopbackName(rules.host)) return routes;

  /** Parsing a name takes longer than all other checks before a handshake, and most requests have the same. */
  let lastServed: string | undefined;

  function isRefused(request: IncomingMessage): boolean {
    const { host, via } = request.headers;
    if (host !== undefined && host === lastServed) return false;
    if (!isForeignHost(request, rules)) {
      if (via === undefined) lastServed = host;
      return false;
    }
    log.warn({ host: host?.slice(0, 100) }, `a request was refused: ${WHY}`);
    return true;
  }

  return {
    onRequest(request, response) {
      if (!isRefused(request)) return routes.onRequest(request, response);
      response.writeHead(403, { 'Content-Type': 'application/json', Connection: 'close' });
      response.end(BODY);
    },
    onUpgrade(request, socket, head) {
      if (!isRefused(request)) return routes.onUpgrade(request, socket, head);
      socket.on('error', () => socket.destroy());
      const lines = ['HTTP/1.1 403 Forbidden', 'Content-Type: application/json', 'Connection: close'];
      const answer = `${lines.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(BODY)}\r\n\r\n`;
      refuseUpgrade(socket, answer + BODY);
    },
  };
}

import type { IncomingMessage } from 'node:http';
import { hostNameOf, isLoopbackName } from '../../host-names.ts';
import type { Logger } from '../../log.ts';
import { namesHost } from '../../origin-patterns.ts';
import { refuse } from '../../protocol/codes.ts';
import type { Routes } from './engine.ts';
import type { AllowedOrigins } from './origins.ts';
import { refuseUpgrade } from './refused-upgrades.ts';

export interface HostRules {
  /** `HOST`: where the listeners are. */
  readonly host: string;
  readonly corsOrigin: AllowedOrigins;
}

/*
 * A listener on loopback is for this machine, and a web page in a browser here gets at it all the same: its name is
 * given our address once it is loaded (DNS rebinding), and then it is of our origin to the browser. Such a request carries
 * the page's name as Host.
 *
 * A proxy on this machine may hand on the name it was asked by. It says so in Via, which no page can: of the headers that
 * tell of proxies it is the one that browsers let no script set. X-Forwarded-For any page may write.
 */
export function isForeignHost(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { host: own, corsOrigin }: HostRules,
): boolean {
  // Every browser sends one.
  if (headers.host === undefined || headers.via !== undefined || corsOrigin === '*') return false;
  const name = hostNameOf(headers.host);
  if (name === undefined) return true;
  if (isLoopbackName(name) || name === own.toLowerCase() || isUpstreamName(name)) return false;
  return !namesHost(corsOrigin ?? [], name);
}

/**
 * A proxy that was told nothing of Host sends the name of its own group of servers, as in nginx's WebSocket sample. A word without
 * a dot is no name that a stranger's page can have on the internet.
 */
function isUpstreamName(name: string): boolean {
  return /^[a-z_][a-z0-9_-]*$/.test(name);
}

const WHY =
  'Host: this name is not served on a loopback HOST; set CORS_ORIGIN to its origin, or let the proxy in front send a Via header';
const BODY = JSON.stringify({ error: refuse('forbidden', WHY).error });

/** The routes of a listener that is only reached from this machine; of others as they are. */
export function guardHosts(routes: Routes, rules: HostRules, log: Logger): Routes {
  if (!isLoopbackName(rules.host)) return routes;

  /** Parsing a name twice takes as long as all else that is looked at before a handshake; most requests have the same. */
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

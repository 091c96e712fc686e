import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { createAuthorityCheck } from '../../cluster/request-authority.ts';
import { hostNameOf, isLoopbackName } from '../../host-names.ts';
import type { Logger } from '../../log.ts';
import { includesHost } from '../../origin-patterns.ts';
import { type ErrorCode, refuse } from '../../protocol/codes.ts';
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

interface HostRefusal {
  readonly status: number;
  readonly body: string;
}

const FOREIGN = refusal(403, 'forbidden', WHY);

/** Refuses requests that name no single host, and on a loopback listener those that name a foreign one. */
export function guardHosts(routes: Routes, rules: HostRules, log: Logger): Routes {
  const faultOf = createAuthorityCheck();
  const isLoopback = isLoopbackName(rules.host);
  /** Parsing a name takes longer than all other checks before a handshake, and most requests have the same. */
  let lastServed: string | undefined;

  function refusalOf(request: IncomingMessage): HostRefusal | undefined {
    const fault = faultOf(request);
    if (fault !== undefined) return refusal(400, 'bad_request', fault);
    const { host, via } = request.headers;
    if (!isLoopback || (host !== undefined && host === lastServed)) return undefined;
    if (!isForeignHost(request, rules)) {
      if (via === undefined) lastServed = host;
      return undefined;
    }
    log.warn({ host: host?.slice(0, 100) }, `a request was refused: ${WHY}`);
    return FOREIGN;
  }

  return {
    onRequest(request, response) {
      const refused = refusalOf(request);
      if (!refused) return routes.onRequest(request, response);
      response.writeHead(refused.status, { 'Content-Type': 'application/json', Connection: 'close' });
      response.end(refused.body);
    },
    onUpgrade(request, socket, head) {
      const refused = refusalOf(request);
      if (!refused) return routes.onUpgrade(request, socket, head);
      const { status, body } = refused;
      socket.on('error', () => socket.destroy());
      const lines = [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Content-Type: application/json',
        'Connection: close',
        `Content-Length: ${Buffer.byteLength(body)}`,
      ];
      refuseUpgrade(socket, `${lines.join('\r\n')}\r\n\r\n${body}`);
    },
  };
}

function refusal(status: number, code: ErrorCode, message: string): HostRefusal {
  return { status, body: JSON.stringify({ error: refuse(code, message).error }) };
}

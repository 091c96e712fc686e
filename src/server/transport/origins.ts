import type { IncomingMessage } from 'node:http';
import { hostNameOf, hostNameOfOrigin } from '../../host-names.ts';
import { matchesOrigin } from '../../origin-patterns.ts';

/** `CORS_ORIGIN` as parsed patterns. */
export type AllowedOrigins = readonly string[] | '*' | undefined;

/**
 * Returns whether a page of the request's Origin may connect. Browsers do not apply CORS to WebSockets, so handshakes
 * are checked too. A request without Origin does not come from a page of another site. If CORS_ORIGIN is not set, the
 * page must have the host name that the request was sent to, on any port.
 */
export function isOriginAllowed(request: Pick<IncomingMessage, 'headers'>, allowed: AllowedOrigins): boolean {
  const { origin } = request.headers;
  if (origin === undefined || allowed === '*') return true;
  if (allowed !== undefined) return matchesOrigin(allowed, origin);
  const name = hostNameOfOrigin(origin);
  return name !== undefined && name === hostNameOf(request.headers.host ?? '');
}

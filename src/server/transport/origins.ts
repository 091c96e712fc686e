import type { IncomingMessage } from 'node:http';
import { hostNameOf, hostNameOfOrigin } from '../../host-names.ts';
import { matchesOrigin } from '../../origin-patterns.ts';

/** `CORS_ORIGIN`, its patterns as parsed. */
export type AllowedOrigins = readonly string[] | '*' | undefined;

/**
 * Whether a browser page of this request's Origin may talk to us. Browsers do not apply CORS to WebSockets, so
 * the handshake must be asked too. No Origin header: not a browser page of another site. Without a list the
 * page must come from the host name the request was sent to, whatever the port.
 */
export function isOriginAllowed(request: Pick<IncomingMessage, 'headers'>, allowed: AllowedOrigins): boolean {
  const { origin } = request.headers;
  if (origin === undefined || allowed === '*') return true;
  if (allowed !== undefined) return matchesOrigin(allowed, origin);
  const name = hostNameOfOrigin(origin);
  return name !== undefined && name === hostNameOf(request.headers.host ?? '');
}

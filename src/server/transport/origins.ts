import type { IncomingMessage } from 'node:http';
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
  return URL.canParse(origin) && new URL(origin).hostname === hostName(request.headers.host);
}

function hostName(host: string | undefined): string | undefined {
  return host !== undefined && URL.canParse(`http://${host}`)
    ? new URL(`http://${host}`).hostname
    : undefined;
}

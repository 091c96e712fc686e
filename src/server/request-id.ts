import type { IncomingHttpHeaders } from 'node:http';

/** A log line must stay one, whatever a client without a proxy in front writes into the header. */
const REQUEST_ID = /^[\w.-]{1,64}$/;

/** The id that the proxy gave the request and wrote into its own log, from `X-Request-Id`. */
export function requestIdOf({ 'x-request-id': id }: IncomingHttpHeaders): string | undefined {
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : undefined;
}

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The headers that identify the user and decide whether its page may use a cookie. */
const KEPT_HEADERS = ['authorization', 'cookie', 'host', 'origin', 'sec-fetch-site'] as const;
const NO_HEADERS: IncomingHttpHeaders = Object.freeze({});
/** Replaces the handshake of a socket that was admitted. */
export const NO_HANDSHAKE = Object.freeze({
  headers: {},
  time: '',
  address: '',
  xdomain: false,
  secure: false,
  issued: 0,
  url: '',
  query: {},
  auth: {},
});
/** The kept part of a connection's first request, for when its client enters another namespace. */
export class KeptRequest {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;

  constructor(request: IncomingMessage, keepsHeaders: boolean) {
    this.url = request.url;
    this.headers = keepsHeaders ? keptOf(request) : NO_HEADERS;
  }

  /** The member in which Engine.IO keeps the query; Socket.IO builds a handshake from it. */
  get _query(): Record<string, string> {
    return Object.fromEntries(new URL(this.url ?? '', 'http://localhost').searchParams);
  }

  /** Socket.IO reads `encrypted` from it, which is unknown behind a proxy. */
  get connection(): object {
    return {};
  }
}

function keptOf({ headers }: IncomingMessage): IncomingHttpHeaders {
  const kept = KEPT_HEADERS.filter((name) => headers[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, headers[name]]));
}

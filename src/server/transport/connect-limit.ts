import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createSharedBuckets, type Rate } from '../../chat/rate-limit.ts';
import { refuse } from '../../protocol/codes.ts';
import { sessionIdOf } from '../../protocol/session-id.ts';
import type { Sized } from '../../sizes.ts';
import type { ClientAddresses } from './client-address.ts';
import { refuseUpgrade } from './refused-upgrades.ts';

/**
 * RATE_CONNECT limits how fast an address opens connections. The check runs before Engine.IO, because stock clients retry after an
 * HTTP error but not after a `connect_error` of a namespace.
 */
export interface ConnectLimit {
  /** Takes one token. Returns 0, or the milliseconds until the request's address may open a connection. */
  take(request: IncomingMessage): number;
  /** The same for a connection that enters namespaces again and again, which costs as much as new connections. */
  takeAgain(address: string | undefined): number;
}

export interface ConnectLimitDeps {
  readonly rate: Rate | undefined;
  readonly addresses: Pick<ClientAddresses, 'counted'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export function createConnectLimit({ rate, addresses, now }: ConnectLimitDeps): ConnectLimit & Sized {
  const buckets = createSharedBuckets(rate, now);
  const takeAgain = (address: string | undefined) => (address === undefined ? 0 : buckets.take(address));
  return {
    sizes: () => ({ buckets: buckets.size }),
    take: (request) => (rate ? takeAgain(addresses.counted(request)) : 0),
    takeAgain,
  };
}

/** Returns whether the request opens an Engine.IO session; others belong to one. */
export function opensSession({ url = '' }: IncomingMessage): boolean {
  return sessionIdOf(url) === undefined;
}

export function refuseConnect(response: ServerResponse, waitMs: number): void {
  const { body, retryAfterS } = tooMany(waitMs);
  response.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': retryAfterS });
  response.end(body);
}

export function refuseConnectUpgrade(socket: Duplex, waitMs: number): void {
  const { body, retryAfterS } = tooMany(waitMs);
  const head = `HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nRetry-After: ${retryAfterS}\r\n`;
  refuseUpgrade(
    socket,
    `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function tooMany(waitMs: number): { body: string; retryAfterS: number } {
  const { error } = refuse('rate_limited', 'too many connects from this address', waitMs);
  return { body: JSON.stringify({ error }), retryAfterS: Math.ceil(waitMs / 1_000) };
}

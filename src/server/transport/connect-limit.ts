import type { IncomingMessage } from 'node:http';
import { createSharedBuckets, type Rate } from '../../chat/rate-limit.ts';
import type { Sized } from '../../sizes.ts';
import type { ClientAddresses } from './client-address.ts';

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

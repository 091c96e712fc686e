import { RedisClient as NodeRedisClient } from '@redis/client';
import type { RedisAddress } from './address.ts';

/**
 * The part of node-redis' client that is there in the program: deploy/unused-parts.mjs leaves its methods of single commands out of
 * the bundle.
 */
export type RedisClient = Pick<
  ReturnType<typeof createWholeClient>,
  | 'close'
  | 'connect'
  | 'destroy'
  | 'getPubSubListeners'
  | 'isReady'
  | 'on'
  | 'once'
  | 'sendCommand'
  | 'sSubscribe'
  | 'subscribe'
  | 'sUnsubscribe'
>;

/** Pings go out every second, so a connection that is silent for this long is dead. The client replaces it. */
const SILENCE_MS = 3_000;

/**
 * node-redis stops writing at `writableNeedDrain`, and while it resubscribes nothing makes it continue: after a lost
 * connection, a subscriber with more than 16 KiB of channel names hung for ever. 64 MiB take over a million names.
 */
const RESUBSCRIBE_BYTES = 64 * 1024 * 1024;

/**
 * Creates a node-redis client that neither gives up nor hangs. By default, a silent connection ends the client for
 * ever, and the pings of an idle client never close a dead one.
 */
export function createRedisClient(address: RedisAddress, role: 'commands' | 'subscriber'): RedisClient {
  return createWholeClient(address, role);
}

function createWholeClient(address: RedisAddress, role: 'commands' | 'subscriber') {
  const { username, password, database } = address;
  // `createClient` makes a class of some 800 methods for each address and role; without a configuration all share one.
  const createClient = NodeRedisClient.factory();
  return createClient({
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database,
    // Maintenance notices of Redis Enterprise would add a handshake command that open source Redis rejects.
    maintNotifications: 'disabled',
    // It costs a timer and an AbortSignal per command and covers only unwritten commands. deadlines.ts does this instead.
    commandOptions: { timeout: undefined },
    // A command queued while Redis is away would run after its caller gave up. The subscriber queues only channels.
    disableOfflineQueue: role === 'commands',
    pingInterval: 1_000,
    socket: {
      ...socketOf(address),
      connectTimeout: 3_000,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: reconnectAfterMs,
    },
  });
}

/** A TLS socket accepts the high-water mark only for both directions. */
function socketOf({ endpoint, tls }: RedisAddress) {
  if ('path' in endpoint) return { ...endpoint, writableHighWaterMark: RESUBSCRIBE_BYTES };
  return tls
    ? { ...endpoint, tls: true as const, ...tls, highWaterMark: RESUBSCRIBE_BYTES }
    : { ...endpoint, writableHighWaterMark: RESUBSCRIBE_BYTES };
}

/** It never gives up. The jitter keeps the workers of a cluster from reconnecting all at once. */
function reconnectAfterMs(retries: number): number {
  const longestMs = Math.min(1_000, 50 * 2 ** Math.min(retries, 10));
  return longestMs / 2 + Math.random() * (longestMs / 2);
}

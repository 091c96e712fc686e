import { createClient } from 'redis';
import type { RedisAddress } from './address.ts';

export type RedisClient = ReturnType<typeof createRedisClient>;

/** Pings go out every second; a connection silent for this long is dead and is dialled anew. */
const SILENCE_MS = 3_000;

/**
 * node-redis stops writing at `writableNeedDrain`, and while it resubscribes nothing makes it go on: more than
 * 16 KiB of channel names hung a subscriber for good after a lost connection. 64 MiB hold over a million names.
 */
const RESUBSCRIBE_BYTES = 64 * 1024 * 1024;

/**
 * A client of node-redis with those of its defaults changed that give up or hang:
 * by default a silent connection ends the client for ever, and idle pings alone never close a dead one.
 */
export function createRedisClient(address: RedisAddress, role: 'commands' | 'subscriber') {
  return createClient({
    url: address.url,
    // Enterprise hand-over notices: one more handshake command that open source Redis refuses.
    maintNotifications: 'disabled',
    // Costs a timer and an AbortSignal a command and covers only commands not yet written; the connection has its own.
    commandOptions: { timeout: undefined },
    // A command queued while Redis is away would run later, unasked. The subscriber's queue only holds channels.
    disableOfflineQueue: role === 'commands',
    pingInterval: 1_000,
    socket: {
      connectTimeout: 3_000,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: reconnectAfterMs,
      // A TLS socket only takes the one that is for both directions.
      ...(address.tls ? { highWaterMark: RESUBSCRIBE_BYTES } : { writableHighWaterMark: RESUBSCRIBE_BYTES }),
    },
  });
}

/** Never gives up, and all workers of a cluster do not come at the same moment. */
function reconnectAfterMs(retries: number): number {
  const longestMs = Math.min(1_000, 50 * 2 ** Math.min(retries, 10));
  return longestMs / 2 + Math.random() * (longestMs / 2);
}

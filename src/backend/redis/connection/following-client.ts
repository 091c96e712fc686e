import { createRedisClient, type RedisClient } from './client.ts';
import type { RedisTarget } from './target.ts';

/** A client for the server that the target names. A new client replaces it when the target names another server. */
export interface FollowingClient {
  /** Undefined while no server is known. */
  current(): RedisClient | undefined;
  /** Replaces the client, even one that looks alive. */
  redial(): void;
  /** The same after a pause, which grows with each call. Several calls before then count as one. */
  redialLater(): void;
  /** The server serves: the next pause is short again. */
  onServing(): void;
  close(): void;
}

export interface FollowingClientDeps {
  readonly target: RedisTarget;
  readonly role: 'commands' | 'subscriber';
  /** Called with each new client before it dials, for its listeners. Clients that were replaced may still emit events. */
  readonly onClient: (client: RedisClient) => void;
}

/** A server that is no master may stay one for long: dialling it without a pause would load it. */
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;

export function openFollowingClient({ target, role, onClient }: FollowingClientDeps): FollowingClient {
  let client: RedisClient | undefined;
  let later: NodeJS.Timeout | undefined;
  let pauseMs = SHORTEST_PAUSE_MS;
  let closed = false;

  function redial(): void {
    clearTimeout(later);
    later = undefined;
    if (closed) return;
    const previous = client;
    const address = target.address();
    client = address && createRedisClient(address, role);
    if (client) {
      client.on('error', () => target.recheck());
      onClient(client);
      // Settles only when the client is closed: the reconnect strategy never gives up.
      client.connect().catch(() => undefined);
    }
    previous?.destroy();
  }

  const stopFollowing = target.onMove(redial);
  redial();

  return {
    current: () => client,
    redial,
    redialLater() {
      if (later) return;
      // The jitter keeps the workers of a cluster from dialling all at once.
      later = setTimeout(redial, pauseMs / 2 + Math.random() * (pauseMs / 2));
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    },
    onServing() {
      pauseMs = SHORTEST_PAUSE_MS;
    },
    close() {
      closed = true;
      clearTimeout(later);
      stopFollowing();
      client?.destroy();
    },
  };
}

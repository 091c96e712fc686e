import { randomBytes } from 'node:crypto';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Sized } from '../../../sizes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away } from '../connection/failures.ts';
import { CALL_DEADLINE_MS } from '../connection/redis-connection.ts';
import { createWaiters, type Waiters } from '../connection/waiters.ts';
import type { Subscriptions } from './subscriptions.ts';

/** The server took the probe and did not deliver it. */
export const DEAF: Refusal = away('the bus delivers nothing');

export interface BusProbeDeps {
  readonly redis: Pick<RedisCommands, 'publish'>;
  readonly subscriptions: Pick<Subscriptions, 'listenRaw' | 'stopListeningRaw'>;
  /** A channel of this worker alone that the server has; undefined while it has none. */
  readonly channel: () => string | undefined;
}

export interface BusProbe extends Sized {
  /** Publishes a probe, and answers `unavailable` if it does not come back. */
  probe(): Promise<Outcome<void>>;
  /** Subscribes the channel that the server has now. Returns whether it is the same as before. */
  follow(): boolean;
}

/**
 * Tests whether a published message comes back. A worker whose subscriber is deaf passes every other health check, and its
 * members get no messages.
 */
export function createBusProbe({ redis, subscriptions, channel }: BusProbeDeps): BusProbe {
  const pendingProbes = new Map<string, Waiters>();
  let attached: string | undefined;

  function follow(): boolean {
    const name = channel();
    if (name === attached) return true;
    if (attached !== undefined) subscriptions.stopListeningRaw(attached);
    attached = name;
    if (name !== undefined) {
      subscriptions.listenRaw(name, (frame) => pendingProbes.get(frame.toString())?.release());
    }
    return false;
  }
  follow();

  async function probe(): Promise<Outcome<void>> {
    // A channel that is only just being subscribed brings nothing back yet.
    if (!follow() || attached === undefined) return succeed(undefined);
    const nonce = randomBytes(9).toString('base64url');
    const echo = createWaiters();
    pendingProbes.set(nonce, echo);
    const echoed = echo.wait(CALL_DEADLINE_MS);
    const published = await redis.publish(attached, nonce);
    if (!published.ok) echo.release();
    const arrived = await echoed;
    pendingProbes.delete(nonce);
    if (!published.ok) return published;
    return arrived ? succeed(undefined) : DEAF;
  }

  return { sizes: () => ({ pendingProbes: pendingProbes.size }), probe, follow };
}

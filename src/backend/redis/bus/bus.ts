import { randomBytes } from 'node:crypto';
import type { RoomBus } from '../../../chat/log-store.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away, UNANSWERED } from '../connection/failures.ts';
import { CALL_DEADLINE_MS } from '../connection/redis-connection.ts';
import { createWaiters, type Waiters } from '../connection/waiters.ts';
import type { RedisKeys } from '../keys.ts';
import { presenceEventFrame } from './frame.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface RedisBusDeps {
  readonly redis: RedisCommands;
  readonly subscriptions: Subscriptions;
  readonly keys: RedisKeys;
  /** The channel of this worker's probes. */
  readonly probeChannel: string;
  /** Replaces the subscriber's connection by a new one. */
  readonly reconnect: () => void;
}

/** Carries the entries that append.lua publishes, and the joins and leaves that are not stored. */
export function createRedisBus({
  redis,
  subscriptions,
  keys,
  probeChannel,
  reconnect,
}: RedisBusDeps): RoomBus {
  return {
    subscribe: async (room, onEntry, onPresence) => {
      const subscription = subscriptions.listen(keys.channel(room), onEntry, onPresence);
      if (await subscription.established(CALL_DEADLINE_MS)) return succeed(subscription);
      subscription.close();
      return away('the bus is away');
    },
    async notify(room, event) {
      const published = await redis.publish(keys.channel(room), presenceEventFrame(room, event));
      // A frozen Redis still publishes it once it continues. Sent by other means as well, it would arrive twice.
      return published.ok || published === UNANSWERED ? succeed(undefined) : published;
    },
    onResync: subscriptions.onResync,
    probe: createBusProbe(redis, subscriptions, probeChannel),
    reconnect,
  };
}

/**
 * Tests whether a published message comes back. A worker whose subscriber receives nothing passes every other health check, and its
 * members get no messages.
 */
function createBusProbe(
  redis: RedisCommands,
  subscriptions: Subscriptions,
  channel: string,
): () => Promise<Outcome<void>> {
  const pendingProbes = new Map<string, Waiters>();
  subscriptions.listenRaw(channel, (frame) => pendingProbes.get(frame.toString())?.release());
  return async () => {
    const nonce = randomBytes(9).toString('base64url');
    const echo = createWaiters();
    pendingProbes.set(nonce, echo);
    const echoed = echo.wait(CALL_DEADLINE_MS);
    const published = await redis.publish(channel, nonce);
    if (!published.ok) echo.release();
    const arrived = await echoed;
    pendingProbes.delete(nonce);
    if (!published.ok) return published;
    return arrived ? succeed(undefined) : away('the bus delivers nothing');
  };
}

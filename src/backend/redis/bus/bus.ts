import { randomBytes } from 'node:crypto';
import type { RoomBus } from '../../../chat/log-store.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { away, UNANSWERED } from '../connection/failures.ts';
import { CALL_DEADLINE_MS, type RedisConnection } from '../connection/redis-connection.ts';
import { createWaiters, type Waiters } from '../connection/waiters.ts';
import type { RedisKeys } from '../keys.ts';
import { moveFrame } from './frame.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface RedisBusDeps {
  readonly redis: RedisConnection;
  readonly subscriptions: Subscriptions;
  readonly keys: RedisKeys;
  /** The channel of this worker's probes. */
  readonly probeChannel: string;
  /** Gives up the subscriber's connection for a new one. */
  readonly reconnect: () => void;
}

/** The entries of rooms, as append.lua publishes them. */
export function createRedisBus({
  redis,
  subscriptions,
  keys,
  probeChannel,
  reconnect,
}: RedisBusDeps): RoomBus {
  return {
    subscribe: async (room, onEntry, onPresence) => {
      const listening = subscriptions.listen(keys.channel(room), onEntry, onPresence);
      if (await listening.established(CALL_DEADLINE_MS)) return succeed(listening);
      listening.close();
      return away('the bus is away');
    },
    async notify(room, move) {
      const told = await redis.publish(keys.channel(room), moveFrame(room, move));
      // A frozen Redis still tells it when it goes on: told by other means too, it would be heard twice.
      return told.ok || told === UNANSWERED ? succeed(undefined) : told;
    },
    onResync: subscriptions.onResync,
    probe: createBusProbe(redis, subscriptions, probeChannel),
    reconnect,
  };
}

/**
 * Whether what is published comes back: a worker whose subscriber is deaf answers pings and every other health
 * check, and its members hear nothing.
 */
function createBusProbe(
  redis: RedisConnection,
  subscriptions: Subscriptions,
  channel: string,
): () => Promise<Outcome<void>> {
  const awaited = new Map<string, Waiters>();
  subscriptions.attach(channel, (frame) => awaited.get(frame.toString())?.release());
  return async () => {
    const nonce = randomBytes(9).toString('base64url');
    const echo = createWaiters();
    awaited.set(nonce, echo);
    const heard = echo.wait(CALL_DEADLINE_MS);
    const published = await redis.publish(channel, nonce);
    if (!published.ok) echo.release();
    const back = await heard;
    awaited.delete(nonce);
    if (!published.ok) return published;
    return back ? succeed(undefined) : away('the bus is deaf');
  };
}

import type { RoomBus } from '../../../chat/log-store.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away, UNANSWERED } from '../connection/failures.ts';
import { CALL_DEADLINE_MS } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import { presenceEventFrame } from './frame.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface RedisBusDeps {
  readonly redis: RedisCommands;
  readonly subscriptions: Subscriptions;
  readonly keys: RedisKeys;
  /** Tests whether a published message comes back from every server. */
  readonly probe: () => Promise<Outcome<void>>;
  /** Replaces the connections that the last probe found deaf. */
  readonly reconnect: () => void;
}

/** Carries the entries that append.lua publishes, and the joins and leaves that are not stored. */
export function createRedisBus({ redis, subscriptions, keys, probe, reconnect }: RedisBusDeps): RoomBus {
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
    probe,
    reconnect,
  };
}

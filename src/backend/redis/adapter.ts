import { createShardedAdapter } from '@socket.io/redis-adapter';
import type { Namespace } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import type { RawListener } from './bus/channel.ts';
import type { Subscriptions } from './bus/subscriptions.ts';
import type { RedisConnection } from './connection/redis-connection.ts';

export interface RedisAdapterDeps {
  readonly redis: RedisConnection;
  readonly subscriptions: Subscriptions;
  readonly channelPrefix: string;
}

/**
 * Socket.IO's sharded adapter over our two connections. It never awaits its subscribes, and it holds *local*
 * delivery until Redis answered a publish (7 s with a frozen Redis): so what it is handed never rejects and
 * answers a publish at once. What is lost that way is live news only; messages go through the log.
 */
export function createRedisAdapter(deps: RedisAdapterDeps): (nsp: Namespace) => Adapter {
  const { redis, subscriptions, channelPrefix } = deps;
  const subscriber = {
    sSubscribe(channels: string | string[], onFrame: RawListener, _bufferMode?: boolean): Promise<void> {
      for (const channel of [channels].flat()) subscriptions.attach(channel, onFrame);
      return Promise.resolve();
    },
    sUnsubscribe(channels: string | string[]): Promise<void> {
      for (const channel of [channels].flat()) subscriptions.detach(channel);
      return Promise.resolve();
    },
  };
  const publisher = {
    // The adapter takes who has this method for a node-redis client.
    sSubscribe: subscriber.sSubscribe,
    sPublish(channel: string, frame: string | Buffer): Promise<number> {
      void redis.publish(channel, frame);
      return Promise.resolve(0);
    },
    /** `PUBSUB SHARDNUMSUB channel`: how many servers there are. Without an answer it is this one. */
    async sendCommand(args: string[]): Promise<unknown> {
      const counted = await redis.call(args);
      return counted.ok ? counted.value : [args.at(-1), '1'];
    },
  };
  const options = { channelPrefix, subscriptionMode: 'dynamic' } as const;
  const create = createShardedAdapter(publisher, subscriber, options) as unknown as (
    nsp: Namespace,
  ) => Adapter;
  // Socket.IO calls it with `new`, which an arrow function does not take.
  return function redisAdapter(nsp: Namespace): Adapter {
    return create(nsp);
  };
}

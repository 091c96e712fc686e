import { createShardedAdapter } from '@socket.io/redis-adapter';
import type { Namespace } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import type { RawListener } from './bus/channel.ts';
import type { Subscriptions } from './bus/subscriptions.ts';
import type { RedisCommands } from './connection/commands.ts';

export interface RedisAdapterDeps {
  readonly redis: RedisCommands;
  readonly subscriptions: Subscriptions;
  readonly channelPrefix: string;
}

/**
 * Socket.IO's sharded adapter over our two connections. The adapter never awaits its subscribes, and it delays *local*
 * delivery until Redis answers a publish (7 s with a frozen Redis). So the clients that it gets here never reject and
 * answer a publish at once. This can lose only live events; messages go through the log.
 */
export function createRedisAdapter(deps: RedisAdapterDeps): (nsp: Namespace) => Adapter {
  const { redis, subscriptions, channelPrefix } = deps;
  const subscriber = {
    sSubscribe(channels: string | string[], onFrame: RawListener, _bufferMode?: boolean): Promise<void> {
      for (const channel of [channels].flat()) subscriptions.listenRaw(channel, onFrame);
      return Promise.resolve();
    },
    sUnsubscribe(channels: string | string[]): Promise<void> {
      for (const channel of [channels].flat()) subscriptions.stopListeningRaw(channel);
      return Promise.resolve();
    },
  };
  const publisher = {
    // The adapter recognises a node-redis client by this method.
    sSubscribe: subscriber.sSubscribe,
    sPublish(channel: string, frame: string | Buffer): Promise<number> {
      void redis.publish(channel, frame);
      return Promise.resolve(0);
    },
    /** `PUBSUB SHARDNUMSUB channel` counts the servers. The adapter counts only itself if there is no answer. */
    async sendCommand(args: string[]): Promise<unknown> {
      const counted = await redis.call(args);
      return counted.ok ? counted.value : [args.at(-1), '1'];
    },
  };
  const options = { channelPrefix, subscriptionMode: 'dynamic' } as const;
  const create = createShardedAdapter(publisher, subscriber, options) as unknown as (
    nsp: Namespace,
  ) => Adapter;
  // Socket.IO calls it with `new`, which an arrow function does not support.
  return function redisAdapter(nsp: Namespace): Adapter {
    return create(nsp);
  };
}

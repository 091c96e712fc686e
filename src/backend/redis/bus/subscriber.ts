import type { Logger } from 'pino';
import type { RedisAddress } from '../connection/address.ts';
import { createRedisClient, type RedisClient } from '../connection/client.ts';
import { createWaiters } from '../connection/waiters.ts';
import { createSubscriptions, type Subscriptions, type SubscriptionsDeps } from './subscriptions.ts';

export interface Subscriber {
  readonly subscriptions: Subscriptions;
  /** True once connected, false if it was not within that time. */
  usable(withinMs: number): Promise<boolean>;
  /** Drops the connection, however alive it looks, and dials anew. */
  reconnect(): void;
  close(): void;
}

export interface SubscriberDeps extends Pick<SubscriptionsDeps, 'lingerMs' | 'reconcileMs'> {
  readonly address: RedisAddress;
  readonly log: Logger;
}

/** The connection messages arrive on. It dials until it is closed. */
export function openSubscriber(deps: SubscriberDeps): Subscriber {
  const { address, log, ...timing } = deps;
  const waiters = createWaiters();
  let client = dial();
  const subscriptions = createSubscriptions({ client, log, ...timing });

  function dial(): RedisClient {
    const dialled = createRedisClient(address, 'subscriber');
    let told = false;
    dialled.on('error', (error: unknown) => {
      if (dialled.isReady || told) return;
      told = true;
      log.warn({ redis: address.shown, err: error }, 'redis: subscriber lost');
    });
    dialled.on('ready', () => {
      if (told) log.info({ redis: address.shown }, 'redis: subscriber is back');
      told = false;
      waiters.release();
    });
    // Settles only when it is closed: the reconnect strategy never gives up.
    dialled.connect().catch(() => undefined);
    return dialled;
  }

  return {
    subscriptions,
    usable: (withinMs) => (client.isReady ? Promise.resolve(true) : waiters.wait(withinMs)),
    reconnect: () => {
      const deaf = client;
      client = dial();
      subscriptions.moveTo(client);
      deaf.destroy();
    },
    close: () => {
      subscriptions.close();
      client.destroy();
    },
  };
}

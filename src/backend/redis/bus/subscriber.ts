import type { Logger } from 'pino';
import type { RedisAddress } from '../connection/address.ts';
import { createRedisClient, type RedisClient } from '../connection/client.ts';
import { createWaiters } from '../connection/waiters.ts';
import { createSubscriptions, type Subscriptions, type SubscriptionsDeps } from './subscriptions.ts';

export interface Subscriber {
  readonly subscriptions: Subscriptions;
  /** Resolves with true once it is connected, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  /** Replaces the connection, even one that looks alive. */
  reconnect(): void;
  close(): void;
}

export interface SubscriberDeps extends Pick<SubscriptionsDeps, 'lingerMs' | 'reconcileMs'> {
  readonly address: RedisAddress;
  readonly log: Logger;
}

/** Opens the connection on which messages arrive. It reconnects until it is closed. */
export function openSubscriber(deps: SubscriberDeps): Subscriber {
  const { address, log, ...timing } = deps;
  const waiters = createWaiters();
  let client = connect();
  const subscriptions = createSubscriptions({ client, log, ...timing });

  function connect(): RedisClient {
    const created = createRedisClient(address, 'subscriber');
    let lossLogged = false;
    created.on('error', (error: unknown) => {
      if (created.isReady || lossLogged) return;
      lossLogged = true;
      log.warn({ redis: address.shown, err: error }, 'redis: subscriber lost');
    });
    created.on('ready', () => {
      if (lossLogged) log.info({ redis: address.shown }, 'redis: subscriber is back');
      lossLogged = false;
      waiters.release();
    });
    // Settles only when the client is closed: the reconnect strategy never gives up.
    created.connect().catch(() => undefined);
    return created;
  }

  return {
    subscriptions,
    usable: (withinMs) => (client.isReady ? Promise.resolve(true) : waiters.wait(withinMs)),
    reconnect: () => {
      const previous = client;
      client = connect();
      subscriptions.moveTo(client);
      previous.destroy();
    },
    close: () => {
      subscriptions.close();
      client.destroy();
    },
  };
}

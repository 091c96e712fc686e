import type { Logger } from 'pino';
import type { RedisAddress } from './address.ts';
import { createConnection } from './connection.ts';
import { createSubscriptions, type Subscriptions, type SubscriptionsDeps } from './subscriptions.ts';
import { createWaiters } from './waiters.ts';

export interface Subscriber {
  readonly subscriptions: Subscriptions;
  /** True once connected, false if it was not within that time. */
  usable(withinMs: number): Promise<boolean>;
  close(): void;
}

export interface SubscriberDeps extends Pick<SubscriptionsDeps, 'lingerMs' | 'reconcileMs'> {
  readonly address: RedisAddress;
  readonly log: Logger;
}

/** The connection messages arrive on. It dials until it is closed. */
export function openSubscriber(deps: SubscriberDeps): Subscriber {
  const { address, log, ...timing } = deps;
  const client = createConnection(address, 'subscriber');
  let told = false;
  client.on('error', (error: unknown) => {
    if (client.isReady || told) return;
    told = true;
    log.warn({ redis: address.shown, err: error }, 'redis: subscriber lost');
  });
  client.on('ready', () => {
    if (told) log.info({ redis: address.shown }, 'redis: subscriber is back');
    told = false;
  });
  const subscriptions = createSubscriptions({ client, log, ...timing });
  const waiters = createWaiters();
  client.on('ready', waiters.release);
  // Settles only when it is closed: the reconnect strategy never gives up.
  client.connect().catch(() => undefined);

  return {
    subscriptions,
    usable: (withinMs) => (client.isReady ? Promise.resolve(true) : waiters.wait(withinMs)),
    close: () => {
      subscriptions.close();
      client.destroy();
    },
  };
}

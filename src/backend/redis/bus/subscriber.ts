import type { Logger } from 'pino';
import type { RedisClient } from '../connection/client.ts';
import { openFollowingClient } from '../connection/following-client.ts';
import type { RedisTarget } from '../connection/target.ts';
import { createWaiters } from '../connection/waiters.ts';
import type { SubscriberClient } from './subscriber-client.ts';
import { createSubscriptions, type ServerSubscriptions, type SubscriptionsDeps } from './subscriptions.ts';

export interface Subscriber {
  readonly subscriptions: ServerSubscriptions;
  /** Resolves with true once it is connected, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  /** Replaces the connection, even one that looks alive. */
  reconnect(): void;
  close(): void;
}

export interface SubscriberDeps extends Pick<SubscriptionsDeps, 'verify' | 'lingerMs' | 'reconcileMs'> {
  readonly target: RedisTarget;
  readonly log: Logger;
}

/** Takes the place of a client while no server is known: nothing subscribes through it. */
const NO_CLIENT: SubscriberClient = {
  isReady: false,
  on: () => undefined,
  sSubscribe: () => Promise.reject(new Error('no server is known')),
  sUnsubscribe: () => Promise.resolve(),
  getPubSubListeners: () => new Map(),
};

/** Opens the connection on which messages arrive. It reconnects until it is closed. */
export function openSubscriber(deps: SubscriberDeps): Subscriber {
  const { target, log, ...settings } = deps;
  const waiters = createWaiters();
  const subscriptions = createSubscriptions({ client: NO_CLIENT, onMoved: target.recheck, log, ...settings });
  const following = openFollowingClient({ target, role: 'subscriber', onClient });

  function onClient(client: RedisClient): void {
    let lossLogged = false;
    client.on('error', (error: unknown) => {
      if (client.isReady || lossLogged) return;
      lossLogged = true;
      log.warn({ redis: target.shown, err: error }, 'redis: subscriber lost');
    });
    // Only a node of a Redis Cluster does this, for a slot that moves.
    client.on('sharded-channel-moved', (channel: string) => {
      if (following.current() === client) subscriptions.onUnsubscribed(channel);
      target.recheck();
    });
    client.on('ready', () => {
      if (lossLogged) log.info({ redis: target.shown }, 'redis: subscriber is back');
      lossLogged = false;
      waiters.release();
    });
    subscriptions.moveTo(client);
  }

  return {
    subscriptions,
    usable: (withinMs) => (following.current()?.isReady ? Promise.resolve(true) : waiters.wait(withinMs)),
    reconnect: following.redial,
    close: () => {
      subscriptions.close();
      following.close();
    },
  };
}

import type { Logger } from 'pino';
import { createWaiters } from '../connection/waiters.ts';
import type { Channel, RawListener } from './channel.ts';

/** The part of node-redis' subscriber that the subscriptions use. */
export interface SubscriberClient {
  readonly isReady: boolean;
  on(event: 'ready', listener: () => void): unknown;
  sSubscribe(channel: string, listener: RawListener, bufferMode: true): Promise<void>;
  sUnsubscribe(channel: string): Promise<void>;
  /** The channels it resubscribes by itself after a reconnect, with its record of their listeners. */
  getPubSubListeners(type: 'SHARDED'): Map<string, unknown>;
}

export interface ChannelMachineDeps {
  readonly client: SubscriberClient;
  readonly channels: Map<string, Channel>;
  readonly receive: RawListener;
  /** Messages may have been missed, and all wanted channels are subscribed again. */
  readonly onResync: () => void;
  /** The server replied that another one has a channel. */
  readonly onMoved?: (() => void) | undefined;
  readonly log: Logger;
  readonly now: () => number;
  readonly lingerMs: number;
  readonly reconcileMs: number;
}

export interface ChannelMachine {
  /** Brings the channel one step closer to what its listeners want. Call it whenever they change. */
  step(channel: Channel): void;
  /** A listener left; the channel lingers if it was the last. */
  release(channel: Channel): void;
  /** Resolves with true once all later messages of the channel arrive, or with false after that time. */
  established(channel: Channel, withinMs: number): Promise<boolean>;
  /** Another server had the channel until now, and messages may have been missed. */
  takeOver(channel: Channel): void;
  /** Another server has the channel from now on. The server of this client has unsubscribed it. */
  giveUp(channel: Channel): void;
  /** Subscribes all wanted channels through this client instead. */
  moveTo(client: SubscriberClient): void;
  close(): void;
}

/*
 * One serialised state machine per channel:
 *
 *   off -> subscribing -> on -> unsubscribing -> off
 *
 * A channel leaves only `off` and `on` by a command, so it never has two commands under way. Left to node-redis, an
 * unsubscribe and a subscribe within one round trip leave the channel without messages, and a subscribe under way when the connection is
 * lost is rejected and forgotten. Here such a channel falls back to `off`, and every `ready` and every few seconds all wanted
 * channels that are `off` are tried again. `on` outlives a lost connection: node-redis resubscribes those channels and is
 * ready only once all are back, so `on` *and* a ready client mean that messages arrive.
 */
export function createChannelMachine(deps: ChannelMachineDeps): ChannelMachine {
  const { channels, receive, onResync, log, now, lingerMs, reconcileMs } = deps;
  let { client } = deps;
  let wasReady = false;
  /** The number of `missed` channels. */
  let missing = 0;
  let closed = false;
  /** See `shareRecord`. */
  let record: unknown;

  function step(channel: Channel): void {
    if (closed) return;
    if (channel.state === 'off') {
      if (channel.wanted()) subscribe(channel);
      else drop(channel);
    } else if (
      channel.state === 'on' &&
      !channel.wanted() &&
      now() - (channel.idleSinceMs ?? Number.NEGATIVE_INFINITY) >= lingerMs
    ) {
      unsubscribe(channel);
    }
  }

  function drop(channel: Channel): void {
    channels.delete(channel.name);
    onFound(channel);
  }

  function subscribe(channel: Channel): void {
    channel.state = 'subscribing';
    const at = client;
    at.sSubscribe(channel.name, receive, true).then(
      () => {
        if (client !== at) return;
        if (channels.get(channel.name) !== channel) {
          forgetAt(at, channel.name);
          return;
        }
        channel.state = 'on';
        shareRecord(channel.name);
        releaseWaiters(channel);
        onFound(channel);
        step(channel);
      },
      (error: unknown) => {
        if (client !== at || channels.get(channel.name) !== channel) return;
        channel.state = 'off';
        if (isMoved(error)) deps.onMoved?.();
        // The next `ready` retries after a lost connection; the next reconcile retries a subscribe that Redis refused.
        if (client.isReady) log.warn({ channel: channel.name, err: error }, 'redis: subscribe failed');
        if (!channel.wanted()) step(channel);
      },
    );
  }

  /**
   * node-redis keeps two Sets for every channel, 3 MB for 10,000 connected users. All our channels have the same one listener,
   * so they share the record of the first.
   */
  function shareRecord(name: string): void {
    const records = client.getPubSubListeners('SHARDED');
    const own = records.get(name);
    if (own === undefined) return;
    record ??= own;
    if (own !== record) records.set(name, record);
  }

  /** Otherwise node-redis subscribes it again after a reconnect, and one refusal makes it drop all channels. */
  function forgetAt(at: SubscriberClient, name: string): void {
    if (!channels.has(name)) at.getPubSubListeners('SHARDED').delete(name);
  }

  function unsubscribe(channel: Channel): void {
    channel.state = 'unsubscribing';
    const at = client;
    const done = () => {
      if (client !== at || channels.get(channel.name) !== channel) return;
      // node-redis keeps the channel after a failure.
      channel.state = client.getPubSubListeners('SHARDED').has(channel.name) ? 'on' : 'off';
      if (channel.state === 'on') releaseWaiters(channel);
      if (channel.state === 'off' || channel.wanted()) step(channel);
    };
    client.sUnsubscribe(channel.name).then(done, done);
  }

  function releaseWaiters(channel: Channel): void {
    if (!client.isReady) return;
    const { waiters } = channel;
    channel.waiters = undefined;
    waiters?.release();
  }

  function reconcile(): void {
    const subscribed = client.getPubSubListeners('SHARDED');
    for (const channel of channels.values()) {
      if (channel.state === 'on' && client.isReady && !subscribed.has(channel.name)) {
        // Only a cluster sends this, when a slot moves; the listeners are not called.
        log.warn({ channel: channel.name }, 'redis: the server ended a subscription');
        lose(channel);
      }
      step(channel);
    }
  }

  function lose(channel: Channel): void {
    channel.state = 'off';
    if (channel.missed || !channel.wanted()) return;
    channel.missed = true;
    missing += 1;
  }

  /** One resync for all lost channels, when the last of them is back. */
  function onFound(channel: Channel): void {
    if (!channel.missed) return;
    channel.missed = false;
    missing -= 1;
    if (missing === 0) onResync();
  }

  function follow(next: SubscriberClient): void {
    next.on('ready', () => {
      if (client !== next) return;
      for (const channel of channels.values()) if (channel.state === 'on') releaseWaiters(channel);
      reconcile();
      if (wasReady && missing === 0) onResync();
      wasReady = true;
    });
  }
  follow(client);
  const timer = setInterval(reconcile, reconcileMs);
  timer.unref();

  return {
    step,
    release(channel) {
      if (channel.wanted()) return;
      channel.idleSinceMs = now();
      step(channel);
    },
    established(channel, withinMs) {
      if (channel.state === 'on' && client.isReady) return Promise.resolve(true);
      channel.waiters ??= createWaiters();
      return channel.waiters.wait(withinMs);
    },
    takeOver(channel) {
      lose(channel);
      step(channel);
    },
    giveUp(channel) {
      channels.delete(channel.name);
      forgetAt(client, channel.name);
      onFound(channel);
    },
    moveTo(next) {
      client = next;
      for (const channel of channels.values()) lose(channel);
      follow(next);
    },
    close() {
      closed = true;
      clearInterval(timer);
      channels.clear();
    },
  };
}

function isMoved(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('MOVED');
}

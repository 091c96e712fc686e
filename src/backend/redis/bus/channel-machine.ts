import type { Logger } from 'pino';
import { createWaiters } from '../connection/waiters.ts';
import type { Channel, RawListener } from './channel.ts';
import { createLostChannels } from './lost-channels.ts';
import { createSharedRecord, forgetRecord, isRecorded, type SubscriberClient } from './subscriber-client.ts';

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
  /** The server ended the subscription by itself. It subscribes again, because the server may have the channel's slot again. */
  onUnsubscribed(name: string): void;
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
  let closed = false;
  const lost = createLostChannels(onResync);
  const shareRecord = createSharedRecord();

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
    lost.forget(channel);
  }

  function subscribe(channel: Channel): void {
    channel.state = 'subscribing';
    const at = client;
    at.sSubscribe(channel.name, receive, true).then(
      () => {
        if (client !== at) return;
        if (channels.get(channel.name) !== channel) {
          if (!channels.has(channel.name)) forgetRecord(at, channel.name);
          return;
        }
        channel.state = 'on';
        shareRecord(at, channel.name);
        releaseWaiters(channel);
        lost.onBack(channel);
        step(channel);
      },
      (error: unknown) => {
        if (client !== at || channels.get(channel.name) !== channel) return;
        channel.state = 'off';
        // The next `ready` retries after a lost connection; the next reconcile retries a subscribe that Redis refused.
        if (isMoved(error)) deps.onMoved?.();
        else if (client.isReady) log.warn({ channel: channel.name, err: error }, 'redis: subscribe failed');
        if (!channel.wanted()) step(channel);
      },
    );
  }

  function unsubscribe(channel: Channel): void {
    channel.state = 'unsubscribing';
    const at = client;
    const done = () => {
      if (client !== at || channels.get(channel.name) !== channel) return;
      // node-redis keeps the channel after a failure.
      channel.state = isRecorded(client, channel.name) ? 'on' : 'off';
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
    for (const channel of channels.values()) {
      if (client.isReady) loseIfUnrecorded(channel);
      step(channel);
    }
  }

  /** Only a cluster ends subscriptions, when a slot moves. node-redis does not call their listeners then. */
  function loseIfUnrecorded(channel: Channel): void {
    if (channel.state !== 'on' || isRecorded(client, channel.name)) return;
    log.warn({ channel: channel.name }, 'redis: the server ended a subscription');
    lose(channel);
  }

  function lose(channel: Channel): void {
    channel.state = 'off';
    lost.add(channel);
  }

  function follow(next: SubscriberClient): void {
    next.on('ready', () => {
      if (client !== next) return;
      for (const channel of channels.values()) if (channel.state === 'on') releaseWaiters(channel);
      reconcile();
      if (wasReady) lost.missed();
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
      forgetRecord(client, channel.name);
      lost.forget(channel);
    },
    onUnsubscribed(name) {
      const channel = channels.get(name);
      if (!channel) return;
      loseIfUnrecorded(channel);
      step(channel);
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

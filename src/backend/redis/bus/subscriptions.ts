import type { Logger } from 'pino';
import type { Entry } from '../../../chat/log-store.ts';
import type { PresenceChange, PresenceMove } from '../../../chat/roster.ts';
import { createWaiters } from '../connection/waiters.ts';
import { Channel, Listener, type Listening, type Machine, type RawListener } from './channel.ts';
import { parseFrame, parseMove, parsePresence } from './frame.ts';

/** What is needed of node-redis' subscriber. */
export interface SubscriberClient {
  readonly isReady: boolean;
  on(event: 'ready', listener: () => void): unknown;
  sSubscribe(channel: string, listener: RawListener, bufferMode: true): Promise<void>;
  sUnsubscribe(channel: string): Promise<void>;
  /** The channels it resubscribes by itself when the connection is back, with its record of who listens to them. */
  getPubSubListeners(type: 'SHARDED'): Map<string, unknown>;
}

export interface Subscriptions {
  /** Hears the channel's log entries, and what it tells of who is there. */
  listen(
    channel: string,
    onEntry: (entry: Entry) => void,
    onPresence?: (told: PresenceChange | PresenceMove) => void,
  ): Listening;
  /** Hears everything else of the channel; one listener a channel. Never fails: it is retried until it is there. */
  attach(channel: string, onFrame: RawListener): void;
  detach(channel: string): void;
  /** Told whenever messages may have been missed, once they arrive again. */
  onResync(listener: () => void): void;
  /** Everything wanted is subscribed at this client instead, and `onResync` told once all of it is. */
  moveTo(client: SubscriberClient): void;
  close(): void;
}

export interface SubscriptionsDeps {
  readonly client: SubscriberClient;
  readonly log: Logger;
  readonly now?: () => number;
  readonly lingerMs?: number;
  readonly reconcileMs?: number;
}

/** Rooms are left and joined again within seconds, by a page reload; the channel is kept that long. */
const LINGER_MS = 5_000;
const RECONCILE_MS = 5_000;

/*
 * Which channels are wanted, and one serialised state machine for each:
 *
 *   off -> subscribing -> on -> unsubscribing -> off
 *
 * A channel is only moved on from `off` and `on`, so of one channel never two commands are under way. Left to
 * node-redis, an unsubscribe and a subscribe inside one round trip leave the channel deaf, and a subscribe
 * under way when the connection is lost is rejected and forgotten. Here it falls back to `off`, and what is wanted and
 * off is tried again on every `ready` and every few seconds. `on` outlives a lost connection: node-redis resubscribes
 * those and says `ready` only when all are there, so `on` *and* a ready client mean that messages arrive.
 */
export function createSubscriptions(deps: SubscriptionsDeps): Subscriptions {
  const { log, now = () => performance.now(), lingerMs = LINGER_MS, reconcileMs = RECONCILE_MS } = deps;
  let client = deps.client;
  const channels = new Map<string, Channel>();
  const resyncListeners: (() => void)[] = [];
  let wasReady = false;
  /** How many channels are `missed`. */
  let missing = 0;
  let closed = false;

  /** What node-redis keeps of a channel. */
  let record: unknown;

  function channelOf(name: string): Channel {
    const known = channels.get(name);
    if (known) return known;
    const channel = new Channel(name);
    channels.set(name, channel);
    return channel;
  }

  /** Of all channels: a function of its own for each costs more than to look the channel up. */
  function receive(frame: Buffer, rawName: Buffer): void {
    const channel = channels.get(rawName.toString());
    if (!channel) return;
    const { first, others } = channel;
    const entry = parseFrame(frame);
    if (entry) {
      if (first) hearEntry(first, entry);
      if (others) for (const listener of others) hearEntry(listener, entry);
      return;
    }
    guarded(channel, () => {
      const told = parsePresence(frame) ?? parseMove(frame);
      if (!told) channel.onFrame?.(frame, rawName);
      else for (const listener of channel.listeners()) guarded(channel, () => listener.onPresence?.(told));
    });
  }

  function hearEntry(listener: Listener, entry: Entry): void {
    try {
      listener.onEntry(entry);
    } catch (error) {
      failed(listener.channel, error);
    }
  }

  function guarded(channel: Channel, hear: () => void): void {
    try {
      hear();
    } catch (error) {
      failed(channel, error);
    }
  }

  /** Not passed on: node-redis drops the rest of the chunk it is parsing when a listener throws. */
  function failed(channel: Channel, error: unknown): void {
    log.error({ channel: channel.name, err: error }, 'redis: a listener failed');
  }

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
    found(channel);
  }

  function subscribe(channel: Channel): void {
    channel.state = 'subscribing';
    const at = client;
    at.sSubscribe(channel.name, receive, true).then(
      () => {
        if (client !== at) return;
        channel.state = 'on';
        shareRecord(channel.name);
        establish(channel);
        found(channel);
        step(channel);
      },
      (error: unknown) => {
        if (client !== at) return;
        channel.state = 'off';
        // With the connection gone it goes on at `ready`; else Redis refused it, and it is tried again in some seconds.
        if (client.isReady) log.warn({ channel: channel.name, err: error }, 'redis: subscribe failed');
        if (!channel.wanted()) step(channel);
      },
    );
  }

  /**
   * node-redis keeps two Sets for every channel, which with 10,000 connected users is 3 MB. All our channels have the
   * same one listener: the record of the first of them serves for all.
   */
  function shareRecord(name: string): void {
    const records = client.getPubSubListeners('SHARDED');
    const own = records.get(name);
    if (own === undefined) return;
    record ??= own;
    if (own !== record) records.set(name, record);
  }

  function unsubscribe(channel: Channel): void {
    channel.state = 'unsubscribing';
    const at = client;
    const done = () => {
      if (client !== at) return;
      channel.state = client.getPubSubListeners('SHARDED').has(channel.name) ? 'on' : 'off';
      if (channel.state === 'on') establish(channel);
      // After a failure node-redis keeps the channel; the reconciler tries again when the connection is there.
      if (channel.state === 'off' || channel.wanted()) step(channel);
    };
    client.sUnsubscribe(channel.name).then(done, done);
  }

  function establish(channel: Channel): void {
    if (!client.isReady) return;
    const { waiters } = channel;
    channel.waiters = undefined;
    waiters?.release();
  }

  function reconcile(): void {
    const held = client.getPubSubListeners('SHARDED');
    for (const channel of channels.values()) {
      if (channel.state === 'on' && client.isReady && !held.has(channel.name)) {
        // Only a cluster does this, when a slot moves; no listener hears of it.
        log.warn({ channel: channel.name }, 'redis: a channel was taken away');
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

  /** Whoever listens is told once, when the last of the lost channels is back, and not once for each. */
  function found(channel: Channel): void {
    if (!channel.missed) return;
    channel.missed = false;
    missing -= 1;
    if (missing === 0) tellResync();
  }

  function tellResync(): void {
    for (const listener of resyncListeners) listener();
  }

  function follow(next: SubscriberClient): void {
    next.on('ready', () => {
      if (client !== next) return;
      for (const channel of channels.values()) if (channel.state === 'on') establish(channel);
      reconcile();
      if (wasReady && missing === 0) tellResync();
      wasReady = true;
    });
  }
  follow(client);
  const timer = setInterval(reconcile, reconcileMs);
  timer.unref();

  function release(channel: Channel): void {
    if (channel.wanted()) return;
    channel.idleSinceMs = now();
    step(channel);
  }

  const machine: Machine = {
    established(channel, withinMs) {
      if (channel.state === 'on' && client.isReady) return Promise.resolve(true);
      channel.waiters ??= createWaiters();
      return channel.waiters.wait(withinMs);
    },
    unlisten(listener) {
      const { channel } = listener;
      if (channel.delete(listener)) release(channel);
    },
  };

  return {
    listen(name, onEntry, onPresence) {
      const channel = channelOf(name);
      const listener = new Listener(machine, channel, onEntry, onPresence);
      channel.add(listener);
      step(channel);
      return listener;
    },
    attach: (name, onFrame) => {
      const channel = channelOf(name);
      channel.onFrame = onFrame;
      step(channel);
    },
    detach: (name) => {
      const channel = channels.get(name);
      if (!channel?.onFrame) return;
      channel.onFrame = undefined;
      release(channel);
    },
    onResync: (listener) => {
      resyncListeners.push(listener);
    },
    moveTo: (next) => {
      client = next;
      for (const channel of channels.values()) lose(channel);
      follow(next);
    },
    close: () => {
      closed = true;
      clearInterval(timer);
      channels.clear();
    },
  };
}

import type { Logger } from 'pino';
import type { Entry } from '../../../chat/log-store.ts';
import type { PresenceChange, PresenceEvent } from '../../../chat/roster.ts';
import {
  Channel,
  type ChannelSubscription,
  Listener,
  type ListenerOwner,
  type RawListener,
} from './channel.ts';
import { createChannelMachine, type SubscriberClient } from './channel-machine.ts';
import { createFrameReceiver } from './frame-receiver.ts';

export interface Subscriptions {
  /** Subscribes to the log entries of a channel, and to the changes of presence in its room. */
  listen(
    channel: string,
    onEntry: (entry: Entry) => void,
    onPresence?: (presence: PresenceChange | PresenceEvent) => void,
  ): ChannelSubscription;
  /** Subscribes one listener to all other frames of a channel. It never fails: it is retried until it succeeds. */
  listenRaw(channel: string, onFrame: RawListener): void;
  stopListeningRaw(channel: string): void;
  /** Calls the listener whenever messages may have been missed, once they arrive again. */
  onResync(listener: () => void): void;
  /** Subscribes all wanted channels through this client instead, then calls the `onResync` listeners. */
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

/** A page reload leaves and joins a room again within seconds; the channel is kept that long. */
const LINGER_MS = 5_000;
const RECONCILE_MS = 5_000;

/** Records which listeners want which channels. channel-machine.ts subscribes to them. */
export function createSubscriptions(deps: SubscriptionsDeps): Subscriptions {
  const { client, log, now = () => performance.now() } = deps;
  const channels = new Map<string, Channel>();
  const resyncListeners: (() => void)[] = [];
  const machine = createChannelMachine({
    client,
    channels,
    receive: createFrameReceiver(channels, log),
    onResync: () => {
      for (const listener of resyncListeners) listener();
    },
    log,
    now,
    lingerMs: deps.lingerMs ?? LINGER_MS,
    reconcileMs: deps.reconcileMs ?? RECONCILE_MS,
  });
  const owner: ListenerOwner = {
    established: machine.established,
    remove: (listener) => {
      if (listener.channel.delete(listener)) machine.release(listener.channel);
    },
  };

  function channelOf(name: string): Channel {
    const known = channels.get(name);
    if (known) return known;
    const channel = new Channel(name);
    channels.set(name, channel);
    return channel;
  }

  return {
    listen(name, onEntry, onPresence) {
      const channel = channelOf(name);
      const listener = new Listener(owner, channel, onEntry, onPresence);
      channel.add(listener);
      machine.step(channel);
      return listener;
    },
    listenRaw(name, onFrame) {
      const channel = channelOf(name);
      channel.onFrame = onFrame;
      machine.step(channel);
    },
    stopListeningRaw(name) {
      const channel = channels.get(name);
      if (!channel?.onFrame) return;
      channel.onFrame = undefined;
      machine.release(channel);
    },
    onResync(listener) {
      resyncListeners.push(listener);
    },
    moveTo: machine.moveTo,
    close: machine.close,
  };
}

import type { Logger } from 'pino';
import type { Entry } from '../../../chat/log-store.ts';
import type { PresenceChange, PresenceEvent } from '../../../chat/roster.ts';
import type { Sized } from '../../../sizes.ts';
import {
  Channel,
  type ChannelSubscription,
  Listener,
  type ListenerOwner,
  type RawListener,
} from './channel.ts';
import { createChannelMachine } from './channel-machine.ts';
import { createFrameReceiver } from './frame-receiver.ts';
import type { VerifyFrame } from './frame-verifier.ts';
import type { SubscriberClient } from './subscriber-client.ts';

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
}

/** The subscriptions at one server. */
export interface ServerSubscriptions extends Subscriptions, Sized {
  /** Subscribes a channel for its listeners at another server, which does not have it any more. */
  takeOver(channel: Channel): void;
  /** Hands each channel over to the server that has it now. Returns how many others have. */
  handOver(ownerOf: (channel: string) => ServerSubscriptions): number;
  /** The server of this client ended the subscription of a channel by itself. */
  onUnsubscribed(channel: string): void;
  /** Subscribes all wanted channels through this client instead, then calls the `onResync` listeners. */
  moveTo(client: SubscriberClient): void;
  close(): void;
}

export interface SubscriptionsDeps {
  readonly client: SubscriberClient;
  readonly verify: VerifyFrame;
  /** The server replied that another one has a channel. */
  readonly onMoved?: () => void;
  readonly log: Logger;
  readonly now?: () => number;
  readonly lingerMs?: number;
  readonly reconcileMs?: number;
}

/** A page reload leaves and joins a room again within seconds; the channel is kept that long. */
const LINGER_MS = 5_000;
const RECONCILE_MS = 5_000;

/** Records which listeners want which channels. channel-machine.ts subscribes to them. */
export function createSubscriptions(deps: SubscriptionsDeps): ServerSubscriptions {
  const { client, log, now = () => performance.now() } = deps;
  const channels = new Map<string, Channel>();
  const resyncListeners: (() => void)[] = [];
  const machine = createChannelMachine({
    client,
    channels,
    receive: createFrameReceiver({ channels, verify: deps.verify, log }),
    onResync: () => {
      for (const listener of resyncListeners) listener();
    },
    onMoved: deps.onMoved,
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

  const subscriptions: ServerSubscriptions = {
    sizes: () => ({ channels: channels.size }),
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
    takeOver(lost) {
      const channel = channelOf(lost.name);
      for (const listener of lost.listeners()) {
        listener.owner = owner;
        listener.channel = channel;
        channel.add(listener);
      }
      channel.onFrame = lost.onFrame ?? channel.onFrame;
      channel.waiters ??= lost.waiters;
      machine.takeOver(channel);
    },
    handOver(ownerOf) {
      let handed = 0;
      for (const channel of [...channels.values()]) {
        const next = ownerOf(channel.name);
        if (next === subscriptions) continue;
        handed += 1;
        machine.giveUp(channel);
        if (channel.wanted()) next.takeOver(channel);
      }
      return handed;
    },
    onUnsubscribed: machine.onUnsubscribed,
    moveTo: machine.moveTo,
    close: machine.close,
  };
  return subscriptions;
}

import type { RawListener } from './channel.ts';

/** The part of node-redis' subscriber that the subscriptions use. */
export interface SubscriberClient {
  readonly isReady: boolean;
  on(event: 'ready', listener: () => void): unknown;
  sSubscribe(channel: string, listener: RawListener, bufferMode: true): Promise<void>;
  sUnsubscribe(channel: string): Promise<void>;
  /** The channels it resubscribes by itself after a reconnect, with its record of their listeners. */
  getPubSubListeners(type: 'SHARDED'): Map<string, unknown>;
}

/** Returns whether node-redis has the channel, and so resubscribes it after a reconnect. */
export function isRecorded(client: SubscriberClient, name: string): boolean {
  return client.getPubSubListeners('SHARDED').has(name);
}

/** Keeps node-redis from subscribing the channel again after a reconnect, where one refusal makes it drop all channels. */
export function forgetRecord(client: SubscriberClient, name: string): void {
  client.getPubSubListeners('SHARDED').delete(name);
}

/**
 * node-redis keeps two Sets for every channel, 3 MB for 10,000 connected users. All our channels have the same one listener,
 * so they share the record of the first.
 */
export function createSharedRecord(): (client: SubscriberClient, name: string) => void {
  let shared: unknown;
  return (client, name) => {
    const records = client.getPubSubListeners('SHARDED');
    const own = records.get(name);
    if (own === undefined) return;
    shared ??= own;
    if (own !== shared) records.set(name, shared);
  };
}

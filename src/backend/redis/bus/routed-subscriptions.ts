import type { ServerSubscriptions, Subscriptions } from './subscriptions.ts';

export interface RoutedSubscriptionsDeps {
  readonly serverOf: (channel: string) => ServerSubscriptions;
  readonly onResync: Subscriptions['onResync'];
}

/** Subscriptions at whichever server has the channel. */
export function createRoutedSubscriptions({ serverOf, onResync }: RoutedSubscriptionsDeps): Subscriptions {
  return {
    listen: (channel, onEntry, onPresence) => serverOf(channel).listen(channel, onEntry, onPresence),
    listenRaw: (channel, onFrame) => serverOf(channel).listenRaw(channel, onFrame),
    stopListeningRaw: (channel) => serverOf(channel).stopListeningRaw(channel),
    onResync,
  };
}

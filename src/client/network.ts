interface Network {
  addEventListener?(event: 'online', listener: () => void): void;
  removeEventListener?(event: 'online', listener: () => void): void;
}

/** A browser says when the network is back; Node does not. Answers how to stop listening. */
export function onNetworkBack(listener: () => void, network: Network = globalThis as Network): () => void {
  network.addEventListener?.('online', listener);
  return () => network.removeEventListener?.('online', listener);
}

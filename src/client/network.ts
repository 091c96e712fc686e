interface Network {
  addEventListener?(event: 'online', listener: () => void): void;
  removeEventListener?(event: 'online', listener: () => void): void;
}

/** Listens for the browser's `online` event, which Node lacks. Returns a function that stops it. */
export function onNetworkBack(listener: () => void, network: Network = globalThis as Network): () => void {
  network.addEventListener?.('online', listener);
  return () => network.removeEventListener?.('online', listener);
}

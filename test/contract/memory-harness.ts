import { randomUUID } from 'node:crypto';
import { createMemoryStore } from '../support/memory-store.ts';
import type { Harness, StorePeer } from './suite.ts';

/** The store of the tests that need no backend. It has one worker, which every peer is, and outlives a restart. */
export async function memoryHarness(): Promise<Harness<StorePeer>> {
  let store: ReturnType<typeof createMemoryStore> | undefined;
  return {
    async open({ historySize = 1_000, inboxSize = 1_000 } = {}) {
      store ??= createMemoryStore({ historySize, inboxSize, now: Date.now(), newEpoch: randomUUID });
      return { ...store, close: async () => undefined };
    },
    restart: async () => undefined,
    close: async () => undefined,
  };
}

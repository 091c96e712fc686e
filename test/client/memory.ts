import type { ClientStorage } from '../../src/client/index.ts';

export interface MemoryStorage extends ClientStorage {
  readonly entries: ReadonlyMap<string, string>;
}

/** A storage in memory, with what another one holds. */
export function memory(from: Iterable<readonly [string, string]> = []): MemoryStorage {
  const entries = new Map(from);
  return { entries, get: (key) => entries.get(key), set: (key, value) => void entries.set(key, value) };
}

/** Stores strings in the browser; in memory where its storage is full, forbidden or absent. */
export interface Memory {
  read(key: string): string | undefined;
  write(key: string, value: string): void;
  forget(key: string): void;
  /** The keys of everything that is stored. */
  keys(): readonly string[];
}

export function createMemory(storage: () => Storage): Memory {
  const fallback = new Map<string, string>();

  function remove(key: string): void {
    try {
      storage().removeItem(key);
    } catch {
      // Nothing was stored there either.
    }
  }

  return {
    read(key) {
      // After a failed write the browser may still store the older value.
      const newer = fallback.get(key);
      if (newer !== undefined) return newer;
      try {
        return storage().getItem(key) ?? undefined;
      } catch {
        return undefined;
      }
    },
    write(key, value) {
      try {
        storage().setItem(key, value);
        fallback.delete(key);
      } catch {
        // A reload must not bring the older value back.
        remove(key);
        fallback.set(key, value);
      }
    },
    forget(key) {
      fallback.delete(key);
      remove(key);
    },
    keys() {
      try {
        const stored = storage();
        const keys = Array.from({ length: stored.length }, (_, index) => stored.key(index) ?? '');
        return [...new Set([...keys, ...fallback.keys()])];
      } catch {
        return [...fallback.keys()];
      }
    },
  };
}

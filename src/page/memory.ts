/** Stores strings in the browser; in memory where its storage is full, forbidden or absent. */
export interface Memory {
  read(key: string): string | undefined;
  write(key: string, value: string): void;
  forget(key: string): void;
}

export function createMemory(storage: () => Storage): Memory {
  const fallback = new Map<string, string>();
  return {
    read(key) {
      try {
        return storage().getItem(key) ?? fallback.get(key);
      } catch {
        return fallback.get(key);
      }
    },
    write(key, value) {
      try {
        storage().setItem(key, value);
        fallback.delete(key);
      } catch {
        fallback.set(key, value);
      }
    },
    forget(key) {
      fallback.delete(key);
      try {
        storage().removeItem(key);
      } catch {
        // Nothing was stored there either.
      }
    },
  };
}

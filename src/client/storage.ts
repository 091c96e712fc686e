/**
 * Stores the guest's identity, the inbox position and unsent messages over a restart; `sessionStorage` behind two arrow
 * functions will do. One storage belongs to one client: two tabs on the same one overwrite each other.
 */
export interface ClientStorage {
  get(key: string): string | null | undefined;
  set(key: string, value: string): void;
}

/** One value of a storage. A storage that is missing, full, forbidden or corrupt counts as empty. */
export interface StoredValue<T> {
  load(): T | undefined;
  save(value: T): void;
}

export function createStoredValue<T>(
  storage: ClientStorage | undefined,
  key: string,
  parse: (value: unknown) => T | undefined,
): StoredValue<T> {
  return {
    load() {
      try {
        return parse(JSON.parse(storage?.get(key) ?? 'null'));
      } catch {
        return undefined;
      }
    },
    save(value) {
      try {
        storage?.set(key, JSON.stringify(value));
      } catch {
        // A full or forbidden storage must not stop the chat.
      }
    },
  };
}

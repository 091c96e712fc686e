/**
 * Keeps the client's guest identity and unsent messages over a restart; `sessionStorage` behind two arrow
 * functions will do. One storage belongs to one client: two tabs on the same one overwrite each other.
 */
export interface ClientStorage {
  get(key: string): string | null | undefined;
  set(key: string, value: string): void;
}

/** One value of a storage that may be missing, full, forbidden or spoiled: then it is as if nothing was kept. */
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
        // A full or forbidden storage must not keep anybody from talking.
      }
    },
  };
}

/** The newest ids of a stream, which tell whether an item came before. */
export interface RecentIds {
  /** False: the id is known already. */
  add(id: string): boolean;
}

export function createRecentIds(max: number): RecentIds {
  const ids = new Set<string>();
  return {
    add(id) {
      if (ids.has(id)) return false;
      ids.add(id);
      const [oldest] = ids;
      if (ids.size > max && oldest !== undefined) ids.delete(oldest);
      return true;
    },
  };
}

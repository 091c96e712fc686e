const BATCH = 100;

/** The items in their order, `size` at a time, so that a large worker's whole state does not go out as one write. */
export function* batchesOf<T>(all: readonly T[], size = BATCH): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}

export async function inBatches<T>(all: readonly T[], each: (one: T) => Promise<unknown>): Promise<void> {
  for (const batch of batchesOf(all)) await Promise.all(batch.map(each));
}

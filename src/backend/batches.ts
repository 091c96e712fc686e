/** So many at a time, that a large worker's whole state does not go out as one write. */
const BATCH = 100;

export async function inBatches<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += BATCH) {
    await Promise.all(all.slice(from, from + BATCH).map(each));
  }
}

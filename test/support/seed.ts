export interface SeededCase {
  readonly seed: number;
  /** Leads to one run of that seed, as the failure named it; without it they are run from the first. */
  readonly path?: string;
}

/**
 * The seeds of a test with several committed cases, chosen as `seedOf` does. With PROPERTY_SEED, PROPERTY_PATH leads to one run
 * of that seed.
 */
export function casesOf(committed: readonly SeededCase[] = []): readonly SeededCase[] {
  const path = process.env.PROPERTY_PATH;
  if (process.env.PROPERTY_SEED === undefined && committed.length > 0) return committed;
  return [{ seed: seedOf(), ...(path !== undefined && { path }) }];
}

/**
 * The seed of a test with random input. What every change must pass runs on committed seeds, so that its verdict is no matter
 * of luck; what runs by night commits none and gets a new seed each time. PROPERTY_SEED=N repeats a run, PROPERTY_SEED=random
 * looks for new failures. A seed that failed joins the committed ones.
 */
export function seedOf(committed?: number): number {
  const asked = process.env.PROPERTY_SEED;
  const fresh = () => Math.floor(Math.random() * 2 ** 31);
  if (asked === 'random') return fresh();
  if (asked === undefined) return committed ?? fresh();
  const seed = Number(asked);
  if (asked === '' || !Number.isSafeInteger(seed)) throw new Error(`PROPERTY_SEED: no seed: ${asked}`);
  return seed;
}

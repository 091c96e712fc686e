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

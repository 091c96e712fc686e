/** The number of items in the long-lived collections of a part, by name. Counts only: no key or value of anybody. */
export interface Sizes {
  readonly [name: string]: number | Sizes;
}

/** A part that keeps collections for longer than one call says how large they are, for `/status?debug`. */
export interface Sized {
  sizes(): Sizes;
}

/** Returns the sizes of parts by their names. */
export function sizesOf(parts: Readonly<Record<string, Sized>>): Sizes {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.sizes()]));
}

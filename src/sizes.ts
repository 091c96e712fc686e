/** How many items the long-lived collections of a part hold, by name. Counts only: no key or value of anybody. */
export interface Sizes {
  readonly [name: string]: number | Sizes;
}

/** What keeps collections for longer than one call says how large they are, for `/status?debug`. */
export interface Sized {
  sizes(): Sizes;
}

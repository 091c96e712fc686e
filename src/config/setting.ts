import type { Parser } from './grammar.ts';

export interface Setting<T> {
  readonly name: string;
  /** The default in the spelling of deploy/README.md. */
  readonly shownDefault: string;
  readonly meaning: string;
  readonly parse: Parser<T>;
  readonly fallback: T;
}

/** One row of the table of settings. */
export function setting<T>(
  name: string,
  fallback: T,
  parse: Parser<T>,
  meaning: string,
  shownDefault = String(fallback),
): Setting<T> {
  return { name, shownDefault, meaning, parse, fallback };
}

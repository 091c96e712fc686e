import type { RetentionSettings } from './log-meta.ts';
import type { Keys, Rows } from './rows.ts';
import type { KeyedRow, Tables } from './tables.ts';

/** The facts that the content of a store depends on. */
export interface RowContext {
  readonly tables: Tables;
  readonly rules: RetentionSettings & { readonly dedupeTtlS: number };
  /** The namespaces of the server. The store does not name them. */
  readonly namespaces: readonly string[];
  /** The moment whose content is listed: what has ended by then is left out. Ms since 1970. */
  readonly atMs: number;
}

const PAGE = 500;

/** The rows of a table, read in portions. */
export function* rowsIn<T extends keyof Rows>(tables: Tables, table: T): Generator<KeyedRow<T>> {
  for (let after: Keys[T] | undefined; ; ) {
    const page: KeyedRow<T>[] = tables.rowsAfter(table, after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.key;
  }
}

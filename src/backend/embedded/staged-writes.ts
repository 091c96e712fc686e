import type { Entry } from '../../chat/log-store.ts';
import type { Keys, Rows, RowWrite, Write } from './rows.ts';
import type { Tables } from './tables.ts';

type RowOf<T extends keyof Rows> = Extract<RowWrite, { readonly table: T }>;

/** The writes of a transaction, and the tables as those writes will leave them. */
export interface StagedWrites {
  row<T extends keyof Rows>(table: T, key: Keys[T]): Rows[T] | undefined;
  put(write: RowWrite): void;
  /** An entry as it is stored, without what stands beside it. */
  entry(tag: string, seq: number): Entry | undefined;
  putEntry(tag: string, entry: Entry): void;
  /** Stages a write that nothing in the same transaction reads. */
  write(write: Exclude<Write, RowWrite>): void;
  /** The rows of a table that were put so far. */
  staged<T extends keyof Rows>(table: T): readonly RowOf<T>[];
  all(): readonly Write[];
}

export function createStagedWrites(tables: Pick<Tables, 'row' | 'entry'>): StagedWrites {
  const rows = new Map<string, RowWrite>();
  const entries = new Map<string, Entry>();
  const writes: Write[] = [];

  return {
    row<T extends keyof Rows>(table: T, key: Keys[T]) {
      const staged = rows.get(`${table} ${key}`);
      return staged ? (staged.value as Rows[T] | undefined) : tables.row(table, key);
    },
    put(write) {
      rows.set(`${write.table} ${write.key}`, write);
    },
    entry(tag, seq) {
      return entries.get(`${tag} ${seq}`) ?? tables.entry(tag, seq);
    },
    putEntry(tag, entry) {
      entries.set(`${tag} ${entry.seq}`, entry);
      writes.push({ table: 'entries', key: [tag, entry.seq], value: entry });
    },
    write(write) {
      writes.push(write);
    },
    staged: <T extends keyof Rows>(table: T) =>
      [...rows.values()].filter((write): write is RowOf<T> => write.table === table),
    all: () => [...writes, ...rows.values()],
  };
}

import { type Database, open, type RootDatabase } from 'lmdb';
import { joinedEntry } from '../../chat/joined-entry.ts';
import type { Entry } from '../../chat/log-store.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { type DiskSpace, diskSpaceOf, requireSpace } from './disk-space.ts';
import type { BlockRecord, DedupeKey, EntryKey, ExpiryKey, Keys, Rows, Write } from './rows.ts';

/** A consistent view of the store at one moment. */
export interface Snapshot {
  row<T extends keyof Rows>(table: T, key: Keys[T]): Rows[T] | undefined;
  /** Entries `from` to `to`, backwards if `to` is less. Lazy: a caller that stops has read no more. */
  entries(tag: string, from: number, to: number): Iterable<Entry>;
  /** Counts the entries from `from` to `to` that do not count as unread. */
  uncounted(tag: string, from: number, to: number): number;
  /** The users whom the user of that inbox has blocked, also those whose time is over. */
  blocks(tag: string): BlockRecord[];
  /** Counts the users who are banned from that room or muted there, also those whose time is over. */
  restricted(tag: string): number;
}

export interface KeyedRow<T extends keyof Rows> {
  readonly key: Keys[T];
  readonly value: Rows[T];
}

/** Reads one snapshot of the store from outside a commit. A closed store refuses. */
export type ReadSnapshot = <T>(use: (snapshot: Snapshot) => T) => Outcome<T>;

/** The tables on disk. Every read sees committed data only. */
export interface Tables {
  readSnapshot<T>(use: (snapshot: Snapshot) => T): T;
  /** The first rows of a table in the order of their keys, those behind `after` if it is given. */
  rowsAfter<T extends keyof Rows>(table: T, after: Keys[T] | undefined, limit: number): KeyedRow<T>[];
  row<T extends keyof Rows>(table: T, key: Keys[T]): Rows[T] | undefined;
  /** An entry as it is stored, without what stands beside it. */
  entry(tag: string, seq: number): Entry | undefined;
  /** Dedupe keys outside the periods `from` to `to`. */
  dedupeKeysOutside(from: number, to: number, limit: number): DedupeKey[];
  /** The newest period that has a record. */
  newestDedupePeriod(): number | undefined;
  /** The names in the dedupe keys from that period on. Lazy: a caller that stops has read no more. */
  dedupeNamesFrom(period: number): Iterable<string>;
  /** The dedupe keys of a log in those periods. */
  dedupeKeysOf(tag: string, periods: readonly number[]): DedupeKey[];
  /** Lists the entries from `from` to `to` that do not count as unread. */
  uncountedOf(tag: string, from: number, to: number): number[];
  /** Lists the entries from `from` to `to` that something stands beside. */
  besideOf(tag: string, from: number, to: number): number[];
  /** The keys of the users whom the user of that inbox has blocked. */
  blockKeysOf(tag: string): string[];
  /** Tags of erased logs whose entries are still on disk in part. */
  erased(limit: number): string[];
  /** Rows that have expired at that time, those behind `after` if it is given. */
  expiriesBefore(at: number, limit: number, after?: ExpiryKey): ExpiryKey[];
  fact(key: string): unknown;
  /** Frees the pages that a killed reader, such as an interrupted backup, still holds. */
  forgetDeadReaders(): void;
  /** Atomic, and durable when it resolves. A rejected commit wrote nothing, and the next one may succeed. */
  commit(writes: readonly Write[]): Promise<void>;
  /** Sets a fact if it is still `from`, atomically across processes. */
  compareAndSetFact(key: string, from: unknown, to: unknown): boolean;
  close(): Promise<void>;
}

/** lmdb allows 12 unless told otherwise. */
export const MAX_TABLES = 32;

/** Stores of earlier releases have these names: in the list of their tables and within the keys of expiries. */
const NAME_ON_DISK = {
  logMeta: 'heads',
  dedupe: 'answers',
  inboxMarkers: 'marks',
  claims: 'claims',
  pushes: 'pushes',
  restrictions: 'restrictions',
  blocks: 'blocks',
  mentions: 'mentions',
  roomSubscriptions: 'visits',
  said: 'said',
  uncounted: 'uncounted',
  beside: 'beside',
  erased: 'erased',
  hookStates: 'hookStates',
} as const satisfies Record<keyof Rows, string>;

type StoredExpiryKey = [until: number, table: string, key: string];
type StoredEntry = [epoch: string, json: string, except?: string];

/**
 * lmdb commits off the main thread. Without `overlappingSync` the promise of a batch resolves after fdatasync and
 * a synchronous write of the page that makes it valid (seen with strace); with it a second wait for `flushed`
 * is needed, and nothing is won. These tables alone, one transaction in flight at a time, appends/s on 2 idle cores:
 * 1 writer 2,250-2,590 against 2,150-2,400 with it; 64 writers in one room 42,000 with either. `eventTurnBatching`
 * would open a batch of its own around ours, whose promise nobody holds: on a full disk its rejection ended the
 * process.
 */
export function openTables(path: string, disk: DiskSpace = diskSpaceOf(path)): Tables {
  requireSpace(disk);
  const root = open({
    path,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    maxDbs: MAX_TABLES,
  });
  const rows = openRows(root);
  const { dedupe } = rows;
  const entries = root.openDB<StoredEntry, EntryKey>('entries', {});
  const expiries = root.openDB<true, StoredExpiryKey>('dues', {});
  const facts = root.openDB<unknown, string>('facts', {});

  function write(one: Write): void {
    switch (one.table) {
      case 'entries':
        void (one.value ? entries.put(one.key, storedEntry(one.value)) : entries.remove(one.key));
        break;
      case 'expiries':
        void (one.value
          ? expiries.put(storedExpiryKey(one.key), true)
          : expiries.remove(storedExpiryKey(one.key)));
        break;
      case 'facts':
        void facts.put(one.key, one.value);
        break;
      default: {
        const changed: Database<unknown, string | DedupeKey | EntryKey> = rows[one.table];
        void (one.value ? changed.put(one.key, one.value) : changed.remove(one.key));
      }
    }
  }

  return {
    readSnapshot(use) {
      const transaction = root.useReadTransaction();
      try {
        return use({
          row: (table, key) => rows[table].get(key, { transaction }),
          *entries(tag, from, to) {
            const reverse = to < from;
            const end: [string, number] = [tag, reverse ? to - 1 : to + 1];
            const ofLog = { start: [tag, 0], end: [tag, Number.MAX_SAFE_INTEGER], limit: 1, transaction };
            const hasBeside = rows.beside.getKeysCount(ofLog) > 0;
            for (const { key, value } of entries.getRange({
              start: [tag, from],
              end,
              reverse,
              transaction,
            })) {
              const beside = hasBeside ? rows.beside.get(key, { transaction }) : undefined;
              yield withBeside(readEntry(key[1], value), beside);
            }
          },
          uncounted: (tag, from, to) =>
            rows.uncounted.getKeysCount({ start: [tag, from], end: [tag, to + 1], transaction }),
          blocks: (tag) =>
            Array.from(
              rows.blocks.getRange({ start: `${tag}:`, end: `${tag};`, transaction }),
              ({ value }) => value,
            ),
          restricted: (tag) =>
            rows.restrictions.getKeysCount({ start: `${tag}:`, end: `${tag};`, transaction }),
        });
      } finally {
        transaction.done();
      }
    },
    rowsAfter: (table, after, limit) =>
      Array.from(
        rows[table].getRange({ limit, ...(after !== undefined && { start: after, exclusiveStart: true }) }),
        ({ key, value }) => ({ key, value }),
      ),
    row: (table, key) => rows[table].get(key),
    entry(tag, seq) {
      const stored = entries.get([tag, seq]);
      return stored && readEntry(seq, stored);
    },
    dedupeKeysOutside(from, to, limit) {
      const older = Array.from(dedupe.getKeys({ end: [from] as never, limit }));
      return older.length > 0 ? older : Array.from(dedupe.getKeys({ start: [to + 1] as never, limit }));
    },
    newestDedupePeriod: () => Array.from(dedupe.getKeys({ reverse: true, limit: 1 }))[0]?.[0],
    dedupeNamesFrom: (period) => dedupe.getKeys({ start: [period] as never }).map(([, , name]) => name),
    dedupeKeysOf: (tag, periods) =>
      // A hash is base64url: each of its characters sorts before the tilde.
      periods.flatMap((period) =>
        Array.from(dedupe.getKeys({ start: [period, tag, ''], end: [period, tag, '~'] })),
      ),
    uncountedOf: (tag, from, to) =>
      Array.from(rows.uncounted.getKeys({ start: [tag, from], end: [tag, to + 1] }), ([, seq]) => seq),
    besideOf: (tag, from, to) =>
      Array.from(rows.beside.getKeys({ start: [tag, from], end: [tag, to + 1] }), ([, seq]) => seq),
    // A semicolon is the next character after a colon.
    blockKeysOf: (tag) => Array.from(rows.blocks.getKeys({ start: `${tag}:`, end: `${tag};` })),
    erased: (limit) => Array.from(rows.erased.getKeys({ limit })),
    expiriesBefore: (at, limit, after) =>
      Array.from(
        expiries.getKeys({
          end: [at] as never,
          limit,
          ...(after && { start: storedExpiryKey(after), exclusiveStart: true }),
        }),
        readExpiryKey,
      ),
    fact: (key) => facts.get(key),
    forgetDeadReaders: () => void root.readerCheck(),
    async commit(writes) {
      requireSpace(disk);
      try {
        await root.batch(() => writes.forEach(write));
      } catch (error) {
        // lmdb rejects a second promise with the cause; unhandled, it would end the process.
        (error as { commitError?: Promise<unknown> }).commitError?.catch(() => {});
        throw error;
      } finally {
        root.resetReadTxn();
      }
    },
    compareAndSetFact(key, from, to) {
      requireSpace(disk);
      try {
        return root.transactionSync(() => {
          if (JSON.stringify(facts.get(key)) !== JSON.stringify(from)) return false;
          if (to === undefined) facts.removeSync(key);
          else facts.putSync(key, to);
          return true;
        });
      } finally {
        // Otherwise the next read in this turn would miss what another process has written.
        root.resetReadTxn();
      }
    },
    close: () => root.close(),
  };
}

function openRows(root: RootDatabase): { readonly [T in keyof Rows]: Database<Rows[T], Keys[T]> } {
  const table = <T extends keyof Rows>(name: T) => root.openDB<Rows[T], Keys[T]>(NAME_ON_DISK[name], {});
  return {
    logMeta: table('logMeta'),
    dedupe: table('dedupe'),
    inboxMarkers: table('inboxMarkers'),
    claims: table('claims'),
    pushes: table('pushes'),
    restrictions: table('restrictions'),
    blocks: table('blocks'),
    mentions: table('mentions'),
    roomSubscriptions: table('roomSubscriptions'),
    said: table('said'),
    uncounted: table('uncounted'),
    beside: table('beside'),
    erased: table('erased'),
    hookStates: table('hookStates'),
  };
}

function storedEntry({ epoch, json, except }: Entry): StoredEntry {
  return except === undefined ? [epoch, json] : [epoch, json, except];
}

function readEntry(seq: number, [epoch, json, except]: StoredEntry): Entry {
  return except === undefined ? { epoch, seq, json } : { epoch, seq, json, except };
}

function withBeside(entry: Entry, beside: string | undefined): Entry {
  if (beside === undefined) return entry;
  return { ...entry, json: joinedEntry(entry.json, beside), hasBeside: true };
}

function storedExpiryKey([until, table, key]: ExpiryKey): StoredExpiryKey {
  return [until, NAME_ON_DISK[table], key];
}

function readExpiryKey([until, name, key]: StoredExpiryKey): ExpiryKey {
  const table = name === NAME_ON_DISK.roomSubscriptions ? 'roomSubscriptions' : name;
  return [until, table as ExpiryKey[1], key];
}

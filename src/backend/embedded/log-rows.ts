import type { Entry } from '../../chat/log-store.ts';
import { BackendError } from '../backend.ts';
import type { MovedRows } from '../moved-rows.ts';
import { expireEntries, isIdle, type LogMeta, retentionOf } from './log-meta.ts';
import { type RowContext, rowsIn } from './row-context.ts';
import type { Tables } from './tables.ts';

/** A row of entries is one call to Redis, which may take 1.5 s. */
const ENTRIES_PER_ROW = 100;
const ROW_BYTES = 256 * 1024;
const SEQS_PER_ROW = 500;

/** A log as it is visible at the moment. */
interface VisibleLog {
  readonly tag: string;
  readonly meta: LogMeta;
  /** When its entries disappear, absent if it has none. */
  readonly endsAt?: number;
}

function* visibleLogs({ tables, rules, atMs }: RowContext): Generator<VisibleLog> {
  for (const { key: tag, value } of rowsIn(tables, 'logMeta')) {
    const retention = retentionOf(value, rules);
    const meta = expireEntries(value, retention, atMs);
    if (meta.top === 0 && isIdle(meta, retention, atMs)) continue;
    const hasEntries = meta.first <= meta.top;
    yield { tag, meta, ...(hasEntries && { endsAt: meta.at + retention.ttlS * 1_000 }) };
  }
}

/** Entries that are still on disk and have ended under the settings. */
export interface EndedEntries {
  readonly messages: number;
  readonly items: number;
}

export function countEndedEntries({ tables, rules, atMs }: RowContext): EndedEntries {
  let [messages, items] = [0, 0];
  for (const { value } of rowsIn(tables, 'logMeta')) {
    const ended = expireEntries(value, retentionOf(value, rules), atMs).first - value.first;
    if ((value.kind ?? 'room') === 'room') messages += ended;
    else items += ended;
  }
  return { messages, items };
}

export function* listLogRows(context: RowContext): Generator<MovedRows['logs']> {
  for (const { tag, meta } of visibleLogs(context)) {
    const { kind = 'room', epoch, top, at, links, hasMarks } = meta;
    yield { tag, kind, epoch, top, at, previousEpochs: links, ...(hasMarks && { hasMarks }) };
  }
}

export function* listEntryRows(context: RowContext): Generator<MovedRows['entries']> {
  for (const { tag, meta, endsAt } of visibleLogs(context)) {
    if (endsAt === undefined) continue;
    const { kind = 'room', top } = meta;
    for (let from = meta.first; from <= top; ) {
      const entries = readEntries(context.tables, tag, from, top);
      if (entries.some(({ seq }, index) => seq !== from + index) || entries.length === 0) {
        throw new BackendError(
          `the store is damaged: the log ${tag} lacks entries from ${from} on. Restore a backup, and move that`,
        );
      }
      yield { tag, kind, endsAt, entries };
      from += entries.length;
    }
  }
}

function readEntries(tables: Tables, tag: string, from: number, to: number): readonly Entry[] {
  return tables.readSnapshot((snapshot) => {
    const entries: Entry[] = [];
    let bytes = 0;
    // Redis takes over what stands beside an entry as a part of it.
    for (const { hasBeside: _, ...entry } of snapshot.entries(tag, from, to)) {
      bytes += Buffer.byteLength(entry.json);
      if (entries.length > 0 && bytes > ROW_BYTES) break;
      entries.push(entry);
      if (entries.length === ENTRIES_PER_ROW) break;
    }
    return entries;
  });
}

export function* listUncountedRows(context: RowContext): Generator<MovedRows['uncounted']> {
  for (const { tag, meta, endsAt } of visibleLogs(context)) {
    if (endsAt === undefined) continue;
    const { kind = 'room', first, top } = meta;
    const all = context.tables.uncountedOf(tag, first, top);
    for (let start = 0; start < all.length; start += SEQS_PER_ROW) {
      yield { tag, kind, endsAt, seqs: all.slice(start, start + SEQS_PER_ROW) };
    }
  }
}

import { dedupeHash } from '../../chat/dedupe.ts';
import { dedupeScope } from '../../chat/identity.ts';
import type { DedupeAnswer, MovedRows } from '../moved-rows.ts';
import { DEDUPE_TTL_FACT, dedupePeriod, earlierHash, isEarlierHash } from './dedupe-keys.ts';
import { type RowContext, rowsIn } from './row-context.ts';
import type { KeyedRow, Tables } from './tables.ts';

const ANSWERS_PER_ROW = 200;

interface NamedRecord {
  readonly period: number;
  readonly tag: string;
  /** Absent if it cannot be computed. */
  readonly name: string | undefined;
  readonly answer: DedupeAnswer;
}

export function* listDedupeRows(context: RowContext): Generator<MovedRows['dedupe']> {
  const ttlMs = context.rules.dedupeTtlS * 1_000;
  let row: { period: number; tag: string; answers: [string, DedupeAnswer][] } | undefined;
  const finished = () => row && { ...row, endsAt: (row.period + 2) * ttlMs };
  for (const { period, tag, name, answer } of records(context)) {
    if (name === undefined) continue;
    if (row?.period !== period || row.tag !== tag || row.answers.length === ANSWERS_PER_ROW) {
      const done = finished();
      if (done) yield done;
      row = { period, tag, answers: [] };
    }
    row.answers.push([name, answer]);
  }
  const done = finished();
  if (done) yield done;
}

/** Lists the records that an earlier release has named. */
export function listEarlierDedupe(context: RowContext): NamedRecord[] {
  return [...records(context, isEarlierHash)];
}

function* records(
  { tables, rules, atMs }: RowContext,
  wanted: (name: string) => boolean = () => true,
): Generator<NamedRecord> {
  const newest = dedupePeriod(rules.dedupeTtlS, atMs);
  // Periods of another TTL say nothing of the time.
  const areKnown = tables.fact(DEDUPE_TTL_FACT) === rules.dedupeTtlS;
  for (const { key, value } of rowsIn(tables, 'dedupe')) {
    const [written, tag, stored] = key;
    // The store's clock may be ahead, and what it remembers for longer must not be forgotten early.
    const period = areKnown ? Math.min(written, newest) : newest;
    if (period < newest - 1 || !wanted(stored)) continue;
    const name = isEarlierHash(stored) ? nameOf(tables, { key, value }) : stored;
    yield { period, tag, name, answer: value };
  }
}

/** The entry of a room says who wrote it and under which `clientMsgId`, and the hash tells whether that is so. */
function nameOf(tables: Tables, { key: [, tag, stored], value }: KeyedRow<'dedupe'>): string | undefined {
  const [entry] = tables.readSnapshot((snapshot) => [...snapshot.entries(tag, value.seq, value.seq)]);
  if (!entry) return undefined;
  const { clientMsgId, data } = JSON.parse(entry.json) as {
    readonly clientMsgId?: string;
    readonly data?: { readonly userId?: string; readonly username?: string };
  };
  if (clientMsgId === undefined || data?.userId === undefined) return undefined;
  const user = { id: data.userId, name: data.username ?? '' };
  const message = { scope: dedupeScope({ user }), clientMsgId };
  return earlierHash(message) === stored ? dedupeHash(message) : undefined;
}

import type { CommitQueue } from './commit-queue.ts';
import { DEDUPE_TTL_FACT, dedupePeriod } from './dedupe-keys.ts';
import { removeIfExpired } from './expiries.ts';
import { isForgotten, isIdle, type LogMeta, retentionOf } from './log-meta.ts';
import type { ExpiryKey } from './rows.ts';
import type { KeyedRow, Tables } from './tables.ts';
import type { Transaction } from './transaction.ts';
import type { StoreRules } from './transaction-context.ts';

export interface CleanupDeps {
  readonly tables: Tables;
  readonly queue: CommitQueue;
  readonly rules: StoreRules;
  readonly now: () => number;
  readonly steadyMs: () => number;
  readonly closed: () => boolean;
}

const PORTION = 500;
/** Removing a push reads its row, which holds up to 1,000 positions. */
const EXPIRY_PORTION = 50;

/** Removes what has expired from all tables, in portions. Reads honour the TTLs themselves and do not wait for it. */
export async function cleanUpTables({
  tables,
  queue,
  rules,
  now,
  steadyMs,
  closed,
}: CleanupDeps): Promise<void> {
  const plan = async (change: (transaction: Transaction) => void) =>
    (await queue.add({ bytes: 0, plan: change })).ok;

  async function cleanUpDedupe(): Promise<void> {
    const period = dedupePeriod(rules.dedupeTtlS, steadyMs());
    for (;;) {
      if (closed()) return;
      const keys = tables.dedupeKeysOutside(period - 1, period + 1, PORTION);
      if (keys.length === 0) break;
      const forget = (transaction: Transaction) => {
        for (const key of keys) transaction.put({ table: 'dedupe', key });
      };
      if (!(await plan(forget))) return;
    }
    // Set last: the next start must not interpret periods of another TTL by this one.
    if (tables.fact(DEDUPE_TTL_FACT) === rules.dedupeTtlS) return;
    await plan((transaction) =>
      transaction.write({ table: 'facts', key: DEDUPE_TTL_FACT, value: rules.dedupeTtlS }),
    );
  }

  async function removeExpiredRows(): Promise<void> {
    // Each table has one of two clocks, and a slow clock must not delay the rows of the other.
    const [claimsAt, othersAt] = [steadyMs(), now()];
    const isDue = ([until, table]: ExpiryKey) => until < (table === 'claims' ? claimsAt : othersAt);
    for (let after: ExpiryKey | undefined; !closed(); ) {
      const portion: ExpiryKey[] = tables.expiriesBefore(Math.max(claimsAt, othersAt), EXPIRY_PORTION, after);
      const due = portion.filter(isDue);
      const forget = (transaction: Transaction) => {
        for (const key of due) removeIfExpired(transaction, key);
      };
      if (due.length > 0 && !(await plan(forget))) return;
      after = portion.at(-1);
      if (!after) return;
      if (due.length === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function removeErased(): Promise<void> {
    for (;;) {
      const [tag] = closed() ? [] : tables.erased(1);
      if (tag === undefined) return;
      if (!(await plan((transaction) => transaction.removeErased(tag)))) return;
    }
  }

  async function expireLogs(): Promise<void> {
    for (let after: string | undefined; !closed(); ) {
      const portion: KeyedRow<'logMeta'>[] = tables.rowsAfter('logMeta', after, PORTION);
      for (const { key: tag } of portion.filter(({ value }) => isExpired(value, rules, now()))) {
        if (!(await plan((transaction) => transaction.expire(tag)))) return;
      }
      const last = portion.at(-1);
      if (!last) return;
      after = last.key;
      // A scan of a million rooms delays a message by one portion at most.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  await cleanUpDedupe();
  await removeExpiredRows();
  await removeErased();
  await expireLogs();
}

function isExpired(meta: LogMeta, rules: StoreRules, now: number): boolean {
  const retention = retentionOf(meta, rules);
  const mustHide = meta.first <= meta.top && isIdle(meta, retention, now);
  return meta.floor < meta.first || mustHide || isForgotten(meta, retention, now);
}

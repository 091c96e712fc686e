import type { Entry } from '../../chat/log-store.ts';
import { createLogRemovals, type LogRemovals } from './log-removals.ts';
import { createLogWrites, type LogWrites } from './log-writes.ts';
import type { Write } from './rows.ts';
import { createStagedWrites, type StagedWrites } from './staged-writes.ts';
import type { Tables } from './tables.ts';
import type { StoreRules, TransactionContext, TransactionTime } from './transaction-context.ts';

/**
 * The changes of one commit. It takes sequence numbers from what is on disk, while no other commit is in flight: a
 * commit that fails leaves nothing in memory to be undone.
 */
export interface Transaction
  extends TransactionTime,
    Pick<StagedWrites, 'row' | 'put' | 'write'>,
    LogWrites,
    Omit<LogRemovals, 'finish'> {
  /** The entries to publish after the commit, in this order. */
  readonly published: readonly { readonly tag: string; readonly entry: Entry }[];
  finish(): readonly Write[];
}

export function createTransaction(tables: Tables, rules: StoreRules, time: TransactionTime): Transaction {
  const published: { tag: string; entry: Entry }[] = [];
  const staged = createStagedWrites(tables);
  const context: TransactionContext = { staged, tables, rules, time };
  const removals = createLogRemovals(context);
  return {
    ...time,
    row: staged.row,
    put: staged.put,
    write: staged.write,
    ...createLogWrites(context, (tag, entry) => published.push({ tag, entry })),
    ...removals,
    published,
    finish() {
      removals.finish();
      return staged.all();
    },
  };
}

import { dedupePeriods } from './dedupe-keys.ts';
import { noteErasure } from './erasures.ts';
import { expireEntries, isForgotten, type LogMeta, retentionOf, trimEntries } from './log-meta.ts';
import type { ErasedRange } from './rows.ts';
import type { TransactionContext } from './transaction-context.ts';
import { ownMessageKeys } from './unread.ts';

export interface LogRemovals {
  /** Hides what is too old and removes what is hidden; removes a log that nobody asks for any more. */
  expire(tag: string): void;
  /** Removes the rooms that the user of that inbox has joined, and what was read there. */
  removeRoomSubscriptions(tag: string): void;
  /** Removes the log and everything kept beside it. Entries that are not removed at once are hidden. */
  erase(tag: string): void;
  /** Removes more of an erased log. */
  removeErased(tag: string): void;
  /** Stages the removal of a portion of what each changed log hides. */
  finish(): void;
}

/** Removing a whole log of 100,000 entries in one commit would hold up every room. */
const MAX_REMOVED_PER_ROOM = 1_000;

/** The part of a transaction that removes entries and logs. */
export function createLogRemovals({ staged, tables, rules, time }: TransactionContext): LogRemovals {
  function removeHidden(tag: string, meta: LogMeta): void {
    const trimmed = trimEntries(meta, retentionOf(meta, rules));
    const floor = Math.min(trimmed.first, trimmed.floor + MAX_REMOVED_PER_ROOM);
    for (let seq = trimmed.floor; seq < floor; seq += 1) staged.write({ table: 'entries', key: [tag, seq] });
    if (floor > trimmed.floor) removeRowsOfEntries(tag, trimmed.floor, floor - 1);
    staged.put({ table: 'logMeta', key: tag, value: { ...trimmed, floor } });
  }

  function removeErasedPortion(tag: string, { from, to }: ErasedRange): void {
    const own = staged.row('logMeta', tag)?.top ?? 0;
    const first = Math.max(from, own + 1);
    // The newest go first: the next log takes over numbers from the other end.
    const rest = Math.max(first, to - MAX_REMOVED_PER_ROOM + 1);
    for (let seq = rest; seq <= to; seq += 1) staged.write({ table: 'entries', key: [tag, seq] });
    staged.put({ table: 'erased', key: tag, ...(rest > first && { value: { from, to: rest - 1 } }) });
    noteErasure(staged, time.now);
  }

  /** These rows go with their entries, or with the log. */
  function removeRowsOfEntries(tag: string, from: number, to: number): void {
    for (const seq of tables.besideOf(tag, from, to)) staged.put({ table: 'beside', key: [tag, seq] });
    for (const { table, key } of staged.staged('beside')) {
      if (key[0] === tag && key[1] >= from && key[1] <= to) staged.put({ table, key });
    }
    for (const seq of tables.uncountedOf(tag, from, to)) staged.put({ table: 'uncounted', key: [tag, seq] });
    for (const { table, key } of staged.staged('uncounted')) {
      if (key[0] === tag && key[1] >= from && key[1] <= to) staged.put({ table, key });
    }
  }

  function removeRoomSubscriptions(tag: string): void {
    const record = staged.row('roomSubscriptions', tag);
    for (const key of ownMessageKeys(tag, record)) staged.put({ table: 'said', key });
    staged.put({ table: 'roomSubscriptions', key: tag });
  }

  /** They lived as long as the log, and may be younger than its last item. */
  function removeOldSubscriptions(tag: string): void {
    const until = staged.row('roomSubscriptions', tag)?.until;
    if (until === undefined || until <= time.now) removeRoomSubscriptions(tag);
    else staged.write({ table: 'expiries', key: [until, 'roomSubscriptions', tag], value: true });
  }

  function removeBlocks(tag: string): void {
    for (const key of tables.blockKeysOf(tag)) staged.put({ table: 'blocks', key });
    for (const { table, key } of staged.staged('blocks')) {
      if (key.startsWith(`${tag}:`)) staged.put({ table, key });
    }
  }

  return {
    expire(tag) {
      const meta = staged.row('logMeta', tag);
      if (!meta) return;
      const retention = retentionOf(meta, rules);
      if (isForgotten(meta, retention, time.now)) {
        staged.put({ table: 'logMeta', key: tag });
        staged.put({ table: 'inboxMarkers', key: tag });
        removeOldSubscriptions(tag);
      } else {
        staged.put({ table: 'logMeta', key: tag, value: expireEntries(meta, retention, time.now) });
      }
    },
    removeRoomSubscriptions,
    erase(tag) {
      const meta = staged.row('logMeta', tag);
      for (const table of ['logMeta', 'inboxMarkers'] as const) staged.put({ table, key: tag });
      // These rows must go now: the next log counts its entries under the same numbers.
      removeRowsOfEntries(tag, 1, Number.MAX_SAFE_INTEGER - 1);
      removeRoomSubscriptions(tag);
      removeBlocks(tag);
      for (const key of tables.dedupeKeysOf(tag, dedupePeriods(rules.dedupeTtlS, time.steadyMs)))
        staged.put({ table: 'dedupe', key });
      for (const { table, key } of staged.staged('dedupe')) {
        if (key[1] === tag) staged.put({ table, key });
      }
      if (!meta || meta.floor > meta.top) return;
      const left = staged.row('erased', tag);
      const value = {
        from: Math.min(meta.floor, left?.from ?? meta.floor),
        to: Math.max(meta.top, left?.to ?? 0),
      };
      staged.put({ table: 'erased', key: tag, value });
    },
    removeErased(tag) {
      const value = staged.row('erased', tag);
      if (value) staged.put({ table: 'erased', key: tag, value });
    },
    finish() {
      for (const { key, value } of staged.staged('logMeta')) if (value) removeHidden(key, value);
      for (const { key, value } of staged.staged('erased')) if (value) removeErasedPortion(key, value);
    },
  };
}

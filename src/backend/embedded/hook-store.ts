import type { HookQueue } from '../../chat/hook-queue.ts';
import { succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { ReadSnapshot, Tables } from './tables.ts';

export interface HookStoreDeps {
  readonly tables: Pick<Tables, 'rowsAfter'>;
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly now: () => number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
}

/** Bytes of a row without its texts. */
const OVERHEAD_BYTES = 64;

/**
 * The states are on disk. The lease and the notes are in memory: they end with the primary, and every sender begins by
 * comparing all states with the logs.
 */
export function createHookStore({
  tables,
  readSnapshot,
  queue,
  now,
  elapsedMs,
}: HookStoreDeps): HookQueue & Sized {
  const noted = new Set<string>();
  let lease = { holder: '', until: Number.NEGATIVE_INFINITY };

  const isAnothers = (holder: string) => lease.holder !== holder && elapsedMs() < lease.until;
  const isHeldBy = (holder: string) => lease.holder === holder && elapsedMs() < lease.until;
  const sizeOf = (...texts: string[]) =>
    texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), OVERHEAD_BYTES);

  return {
    sizes: () => ({ noted: noted.size }),
    list: (subject, state) =>
      queue.add({
        bytes: sizeOf(subject, state),
        plan(transaction) {
          const kept = transaction.row('hookStates', subject)?.state ?? state;
          transaction.put({ table: 'hookStates', key: subject, value: { state: kept, at: transaction.now } });
          return kept;
        },
      }),
    async note(subjects) {
      for (const subject of subjects) noted.add(subject);
      return succeed(undefined);
    },
    async lease(holder, ttlMs) {
      if (isAnothers(holder)) return succeed(false);
      lease = { holder, until: elapsedMs() + ttlMs };
      return succeed(true);
    },
    async take(holder, limit) {
      if (!isHeldBy(holder)) return succeed([]);
      const taken = [...noted].slice(0, limit);
      for (const subject of taken) noted.delete(subject);
      return readSnapshot((snapshot) =>
        taken.flatMap((subject) => {
          const row = snapshot.row('hookStates', subject);
          return row ? [{ subject, state: row.state }] : [];
        }),
      );
    },
    async listed(after, limit) {
      // The snapshot only says whether the store is open: a page need not agree with the next one.
      return readSnapshot(() =>
        tables.rowsAfter('hookStates', after, limit).map(({ key, value: { state, at } }) => ({
          subject: key,
          state,
          idleMs: Math.max(0, now() - at),
        })),
      );
    },
    advance: (holder, moves) =>
      queue.add({
        bytes: moves.reduce((bytes, { subject, state }) => bytes + sizeOf(subject, state), 0),
        plan(transaction) {
          if (!isHeldBy(holder)) return false;
          for (const { subject, state } of moves) {
            const at = transaction.row('hookStates', subject)?.at ?? transaction.now;
            transaction.put({ table: 'hookStates', key: subject, value: { state, at } });
          }
          return true;
        },
      }),
    // A loss here is one of the whole primary, whose workers end with it.
    term: async () => succeed(''),
    unlist: (holder, { subject, state }, idleMs) =>
      queue.add({
        bytes: sizeOf(subject),
        plan(transaction): void {
          const row = transaction.row('hookStates', subject);
          if (!isHeldBy(holder) || row?.state !== state || transaction.now - row.at < idleMs) return;
          transaction.put({ table: 'hookStates', key: subject });
        },
      }),
  };
}

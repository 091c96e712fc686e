import { createHash } from 'node:crypto';
import type { PushPositions, PushStore } from '../../chat/inbox-store.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { PushRecord } from './rows.ts';
import type { ReadSnapshot } from './tables.ts';

export interface PushStoreDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly rules: { readonly inboxTtlS: number };
  readonly now: () => number;
}

/** Bytes of a stored position without the user's id, and of a record without its positions. */
const OVERHEAD_BYTES = 48;

/** Each push is stored with its expiry. Reads honour the expiry, the cleanup frees the disk. */
export function createPushStore({ readSnapshot, queue, rules, now }: PushStoreDeps): PushStore {
  return {
    async save(id, more) {
      const hash = hashOf(id);
      const held = readSnapshot((snapshot) => snapshot.row('pushes', hash));
      if (!held.ok) return held;
      return queue.add({
        // A change rewrites the whole record, and a transaction must not dirty more of the disk than it declares.
        bytes: sizeOf(more.positions) + sizeOf(held.value ? positionsIn(held.value).positions : []),
        plan(transaction) {
          const kept = transaction.row('pushes', hash);
          const living = kept && kept.until > transaction.now ? kept : undefined;
          const until = Math.max(transaction.now + rules.inboxTtlS * 1000, living?.until ?? 0);
          transaction.put({ table: 'pushes', key: hash, value: { ...merge(living, more), until } });
          transaction.write({ table: 'expiries', key: [until, 'pushes', hash], value: true });
        },
      });
    },
    async find(id) {
      return readSnapshot((snapshot) => {
        const kept = snapshot.row('pushes', hashOf(id));
        return kept && kept.until > now() ? positionsIn(kept) : undefined;
      });
    },
  };
}

/** Callers may ask for ids of any length, and lmdb takes keys of at most 1,978 bytes. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function merge(kept: PushRecord | undefined, { nsp, positions }: PushPositions): Omit<PushRecord, 'until'> {
  const byUser = new Map(kept?.places.map((place) => [place[0], place]));
  for (const { userId, seq, at, epoch } of positions)
    byUser.set(userId, epoch === undefined ? [userId, seq, at] : [userId, seq, at, epoch]);
  return { nsp, places: [...byUser.values()] };
}

function positionsIn({ nsp, places }: PushRecord): PushPositions {
  return {
    nsp,
    positions: places.map(([userId, seq, at, epoch]) => ({
      userId,
      seq,
      at,
      ...(epoch !== undefined && { epoch }),
    })),
  };
}

function sizeOf(positions: PushPositions['positions']): number {
  return positions.reduce(
    (sum, { userId }) => sum + Buffer.byteLength(userId) + OVERHEAD_BYTES,
    OVERHEAD_BYTES,
  );
}

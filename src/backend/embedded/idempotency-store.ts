import { createHash } from 'node:crypto';
import { CLAIM_LEASE_MS, type ClaimResult, type IdempotencyStore } from '../../chat/idempotency.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { ClaimRecord } from './rows.ts';
import type { Transaction } from './transaction.ts';

export interface ClaimStoreDeps {
  readonly queue: CommitQueue;
  readonly rules: { readonly dedupeTtlS: number };
}

/** Bytes of a stored claim without its texts. */
const OVERHEAD_BYTES = 96;

/** Each claim is stored with its expiry. Reads honour the expiry, the cleanup frees the disk. */
export function createIdempotencyStore({ queue, rules }: ClaimStoreDeps): IdempotencyStore {
  const ttlMs = rules.dedupeTtlS * 1_000;

  /** Back ends choose keys of any length, and lmdb takes at most 1,978 bytes. */
  const hashOf = (key: string) => createHash('sha256').update(key).digest('base64url');

  function keep(transaction: Transaction, key: string, claim: ClaimRecord): void {
    transaction.put({ table: 'claims', key, value: claim });
    transaction.write({ table: 'expiries', key: [claim.until, 'claims', key], value: true });
  }

  return {
    claim: (key, fingerprint, id) =>
      queue.add({
        bytes: fingerprint.length + id.length + OVERHEAD_BYTES,
        plan(transaction): ClaimResult {
          const now = transaction.steadyMs;
          const hash = hashOf(key);
          const running = { id, until: now + CLAIM_LEASE_MS };
          const claim = transaction.row('claims', hash);
          if (!claim || claim.until <= now) {
            keep(transaction, hash, { id, fingerprint, until: now + ttlMs, running });
            return { state: 'granted', id };
          }
          if (claim.fingerprint !== fingerprint) return { state: 'mismatch' };
          if (claim.answer !== undefined) return { state: 'answered', answer: claim.answer };
          if (claim.running && claim.running.until > now) return { state: 'running' };
          transaction.put({ table: 'claims', key: hash, value: { ...claim, running } });
          return { state: 'granted', id: claim.id };
        },
      }),
    complete: (key, id, answer) =>
      queue.add({
        bytes: (answer?.length ?? 0) + OVERHEAD_BYTES,
        plan(transaction): void {
          const hash = hashOf(key);
          const claim = transaction.row('claims', hash);
          if (!claim) return;
          const { running, ...rest } = claim;
          const others = running && running.id !== id ? { running } : {};
          if (answer === undefined || claim.answer !== undefined) {
            transaction.put({ table: 'claims', key: hash, value: { ...rest, ...others } });
          } else keep(transaction, hash, { ...rest, ...others, answer, until: transaction.steadyMs + ttlMs });
        },
      }),
  };
}

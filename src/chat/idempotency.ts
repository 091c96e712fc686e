import { createHash } from 'node:crypto';
import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';

/*
 * A write that a back end may send twice under one Idempotency-Key. The states of a key:
 *
 *   free ──claim──► running ──complete with an answer──► answered (until DEDUPE_TTL_S is over)
 *                     │ complete without one, or the lease ran out because the worker died or hangs
 *                     ▼
 *                   claimable: the next attempt runs under the operation id of the first
 */

export type ClaimResult =
  /** The caller must run the write now. `id` is the operation's, the same for each attempt. */
  | { readonly state: 'granted'; readonly id: string }
  | { readonly state: 'running' }
  | { readonly state: 'answered'; readonly answer: string }
  /** The key was used for a write with other content. */
  | { readonly state: 'mismatch' };

export interface IdempotencyStore {
  /** Claims the key. `id` names this attempt, and the operation if this is the first claim. MUST be atomic. */
  claim(key: string, fingerprint: string, id: string): Promise<Outcome<ClaimResult>>;
  /**
   * Ends the attempt `id`. The store MUST keep the first answer given; without one it MUST grant the next claim. An
   * attempt whose lease ran out MUST NOT end another attempt.
   */
  complete(key: string, id: string, answer?: string): Promise<Outcome<void>>;
}

/**
 * A claim's lease: a worker that dies keeps its key for this long. The lease alone keeps two attempts from overlapping.
 */
export const CLAIM_LEASE_MS = 10_000;
/** The longest wait of a second request for the answer of the first. */
const WAIT_MS = 3_000;
const FIRST_POLL_MS = 20;
const MAX_POLL_MS = 250;

export interface IdempotencyDeps {
  readonly store: IdempotencyStore;
  readonly newId: () => string;
  readonly pause: (ms: number) => Promise<void>;
}

export interface IdempotentWrite {
  /** The API key, the route and the Idempotency-Key. */
  readonly key: readonly unknown[];
  /** The content that must be equal for the request to count as the same. */
  readonly content: readonly unknown[];
  /** Performs the write. `operation` is the same for each attempt, so the stores do not store it again. */
  run(operation: string): Promise<Outcome<unknown>>;
  /** Returns whether another attempt could add nothing. */
  isComplete(value: unknown): boolean;
}

/** `replayed`: the outcome is the answer of an earlier attempt. */
export interface IdempotentAnswer {
  readonly outcome: Outcome<unknown>;
  readonly replayed: boolean;
}

/** Runs the write once and repeats its answer; after a temporary refusal the next request runs it again. */
export async function runIdempotent(
  { store, newId, pause }: IdempotencyDeps,
  { key, content, run, isComplete }: IdempotentWrite,
): Promise<IdempotentAnswer> {
  const [name, fingerprint] = [digestOf(key), digestOf(content)];
  const id = newId();
  let pollMs = FIRST_POLL_MS;
  for (let waitedMs = 0; ; waitedMs += pollMs, pollMs = Math.min(MAX_POLL_MS, pollMs * 2)) {
    const claimed = await store.claim(name, fingerprint, id);
    if (!claimed.ok) return fresh(claimed);
    switch (claimed.value.state) {
      case 'answered':
        return { outcome: JSON.parse(claimed.value.answer) as Outcome<unknown>, replayed: true };
      case 'mismatch':
        return fresh(MISMATCH);
      case 'granted':
        return fresh(await runOnce(claimed.value.id));
      case 'running':
        if (waitedMs >= WAIT_MS) return fresh(RUNNING);
        await pause(pollMs);
    }
  }

  async function runOnce(operation: string): Promise<Outcome<unknown>> {
    let outcome: Outcome<unknown> | undefined;
    try {
      outcome = await run(operation);
      return outcome;
    } finally {
      const final = outcome && (outcome.ok ? isComplete(outcome.value) : !outcome.error.temporary);
      // The next attempt runs the write again under the same id if there is no final answer.
      await store.complete(name, id, final ? JSON.stringify(outcome) : undefined);
    }
  }
}

const MISMATCH: Refusal = refuse('bad_request', 'Idempotency-Key: was used for another request');
const RUNNING: Refusal = refuse(
  'unavailable',
  'Idempotency-Key: its first request is not answered yet',
  1_000,
);

function fresh(outcome: Outcome<unknown>): IdempotentAnswer {
  return { outcome, replayed: false };
}

function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

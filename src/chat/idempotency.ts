import { createHash } from 'node:crypto';
import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';

/*
 * A write that a back end may send twice, under one Idempotency-Key:
 *
 *   free ──claim──► running ──settle with an answer──► answered (until DEDUPE_TTL_S is over)
 *                     │ settle without one, or the lease is over: its worker died or hangs
 *                     ▼
 *                   claimed: the next try runs, under the operation id of the first
 */

export type ClaimResult =
  /** The caller runs it now. `id`: the operation's, the same for each try. */
  | { readonly state: 'granted'; readonly id: string }
  | { readonly state: 'running' }
  | { readonly state: 'answered'; readonly answer: string }
  /** The key was used for something else. */
  | { readonly state: 'mismatch' };

export interface IdempotencyStore {
  /** `id` becomes the operation's if this is the first claim of the key; it also names this try. */
  claim(key: string, fingerprint: string, id: string): Promise<Outcome<ClaimResult>>;
  /**
   * Ends the try called `id`. The first answer given is kept; without one the next claim is granted. A try whose lease is
   * over ends no other's.
   */
  complete(key: string, id: string, answer?: string): Promise<Outcome<void>>;
}

/** For so long a second try waits for a worker that may have died. Tries that overlap are told apart by nothing else. */
export const CLAIM_LEASE_MS = 10_000;
/** Who asks while the first try runs waits for its answer. */
const WAIT_MS = 3_000;
const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 250;

export interface IdempotencyDeps {
  readonly store: IdempotencyStore;
  readonly newId: () => string;
  readonly pause: (ms: number) => Promise<void>;
}

export interface IdempotentWrite {
  /** Whose write to what, and the Idempotency-Key. */
  readonly key: readonly unknown[];
  /** What is the same when the same is asked for. */
  readonly content: readonly unknown[];
  /** Called with the id of the operation, the same for each try: what was stored under it is not stored again. */
  run(operation: string): Promise<Outcome<unknown>>;
  /** Whether there is nothing left that another try could mend. */
  isComplete(value: unknown): boolean;
}

/** The first answer again, temporary refusals excepted: after those the write is tried again. */
export async function runIdempotent(
  { store: claims, newId, pause }: IdempotencyDeps,
  { key, content, run, isComplete }: IdempotentWrite,
): Promise<Outcome<unknown>> {
  const [name, fingerprint] = [digestOf(key), digestOf(content)];
  const id = newId();
  let lookMs = FIRST_LOOK_MS;
  for (let waitedMs = 0; ; waitedMs += lookMs, lookMs = Math.min(LAST_LOOK_MS, lookMs * 2)) {
    const claimed = await claims.claim(name, fingerprint, id);
    if (!claimed.ok) return claimed;
    switch (claimed.value.state) {
      case 'answered':
        return JSON.parse(claimed.value.answer) as Outcome<unknown>;
      case 'mismatch':
        return MISMATCH;
      case 'granted':
        return runOnce(claimed.value.id);
      case 'running':
        if (waitedMs >= WAIT_MS) return RUNNING;
        await pause(lookMs);
    }
  }

  async function runOnce(operation: string): Promise<Outcome<unknown>> {
    let outcome: Outcome<unknown> | undefined;
    try {
      outcome = await run(operation);
      return outcome;
    } finally {
      const final = outcome && (outcome.ok ? isComplete(outcome.value) : !outcome.error.temporary);
      // Not kept, it is done anew by the next try, under the same id.
      await claims.complete(name, id, final ? JSON.stringify(outcome) : undefined);
    }
  }
}

const MISMATCH: Refusal = refuse('bad_request', 'Idempotency-Key: was used for another request');
const RUNNING: Refusal = refuse(
  'unavailable',
  'Idempotency-Key: its first request is not answered yet',
  1_000,
);

function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

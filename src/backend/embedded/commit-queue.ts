import type { Logger } from 'pino';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { LowSpaceError } from './disk-space.ts';
import type { Write } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** A change of the store that waits for its commit. */
export interface QueuedChange<T> {
  readonly bytes: number;
  /** Called once, in the order queued. */
  plan(transaction: Transaction): T;
}

export interface CommitQueue {
  /** Resolves after the durable commit, in the order queued. */
  add<T>(change: QueuedChange<T>): Promise<Outcome<T>>;
  /** The last commit failed. */
  failing(): boolean;
  /** Resolves once no commit is under way; none begins until the returned function is called. */
  hold(): Promise<() => void>;
  /** Refuses new changes and waits for the queued ones. */
  close(): Promise<void>;
}

export interface CommitQueueDeps {
  readonly createTransaction: () => Transaction;
  readonly commit: (writes: readonly Write[]) => Promise<void>;
  /** Called after the commit and before its changes are answered. */
  readonly publish: (published: Transaction['published']) => void;
  readonly log: Logger;
}

interface Waiting {
  readonly bytes: number;
  readonly plan: (transaction: Transaction) => (committed: Outcome<void>) => void;
}

const MAX_CHANGES = 1_000;
const MAX_COMMIT_BYTES = 4 * 1024 * 1024;
const MAX_QUEUED = 10_000;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

/**
 * Group commit: one commit is in flight, and changes that arrive meanwhile form the next one. 64 writers share an
 * fdatasync, and a single writer waits for its own only.
 *
 * States: idle → (add) → scheduled, until the end of the event-loop turn → committing → scheduled or idle.
 */
export function createCommitQueue(deps: CommitQueueDeps): CommitQueue & Sized {
  const queue: Waiting[] = [];
  let queuedBytes = 0;
  let running: Promise<void> | undefined;
  let committing: Promise<void> | undefined;
  const holders = new Set<Promise<void>>();
  let closed = false;
  let failing = false;

  function take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of queue) {
      if (count > 0 && (count >= MAX_CHANGES || bytes + waiting.bytes > MAX_COMMIT_BYTES)) break;
      bytes += waiting.bytes;
      count += 1;
    }
    queuedBytes -= bytes;
    return queue.splice(0, count);
  }

  async function commit(): Promise<void> {
    const transaction = deps.createTransaction();
    const settle = take().map((waiting) => waiting.plan(transaction));
    let committed: Outcome<void> = succeed(undefined);
    try {
      const writes = transaction.finish();
      if (writes.length > 0) await deps.commit(writes);
      if (failing) deps.log.info('the store commits again');
      failing = false;
    } catch (error) {
      // Logged once: a line per commit would fill a full disk further.
      if (!failing) deps.log.error({ err: error }, 'the store cannot commit');
      failing = true;
      const cause = error instanceof LowSpaceError ? `: ${error.message}` : '';
      committed = refuse('unavailable', `the store could not write${cause}`, RETRY_AFTER_MS);
    }
    if (committed.ok) deps.publish(transaction.published);
    for (const answer of settle) answer(committed);
  }

  async function run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      if (holders.size > 0) await Promise.all(holders);
      else {
        committing = commit();
        await committing;
        committing = undefined;
      }
    }
    running = undefined;
  }

  function refusal(bytes: number): Refusal | undefined {
    if (closed) return refuse('unavailable', 'the store is closing', RETRY_AFTER_MS);
    if (queue.length >= MAX_QUEUED || queuedBytes + bytes > MAX_QUEUED_BYTES)
      return refuse('unavailable', 'too many writes are waiting', RETRY_AFTER_MS);
    return undefined;
  }

  return {
    sizes: () => ({ queue: queue.length, holders: holders.size }),
    add<T>({ bytes, plan }: QueuedChange<T>): Promise<Outcome<T>> {
      const refused = refusal(bytes);
      if (refused) return Promise.resolve(refused);
      return new Promise((resolve, reject) => {
        queuedBytes += bytes;
        queue.push({
          bytes,
          plan(transaction) {
            try {
              const value = plan(transaction);
              return (committed) => resolve(committed.ok ? succeed(value) : committed);
            } catch (error) {
              // A bug in one change must not fail the others of its transaction.
              return () => reject(error);
            }
          },
        });
        running ??= run();
      });
    },
    failing: () => failing,
    async hold() {
      let release: () => void = () => undefined;
      const holder = new Promise<void>((resolve) => {
        release = () => {
          holders.delete(holder);
          resolve();
        };
      });
      holders.add(holder);
      await committing;
      return release;
    },
    async close() {
      closed = true;
      await running;
    },
  };
}

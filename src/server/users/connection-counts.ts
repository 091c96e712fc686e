import type { Logger } from 'pino';
import { createReconciler } from '../../chat/reconciler.ts';
import type { Room } from '../../chat/room.ts';
import type { Roster } from '../../chat/roster.ts';
import type { Sized } from '../../sizes.ts';

/** The number of each user's connections on this worker, as the roster knows it. */
export interface ConnectionCounts {
  /** Settles once the roster has the new count, or has rejected it; a rejected one is repeated until it is stored. */
  increment(inbox: Room): Promise<void>;
  decrement(inbox: Room): Promise<void>;
  /** Repeats at once what the store has not accepted. */
  resync(): void;
  close(): void;
}

export interface ConnectionCountsDeps {
  readonly roster: Pick<Roster, 'setConnections'>;
  readonly log: Logger;
}

/** A full store rejects a count and passes every health check, so its return alone does not repeat the count. */
const RETRY_MS = 2_000;
const CONCURRENCY = 500;

export function createConnectionCounts({ roster, log }: ConnectionCountsDeps): ConnectionCounts & Sized {
  const counts = new Map<string, number>();
  const pending = createReconciler<Room>({
    attempt: async (inbox) => ((await report(inbox)) ? 'done' : 'failed'),
    onError: (error) => log.error({ err: error }, 'the connection count of a user could not be reported'),
    keyOf: ({ tag }) => tag,
    retryMs: RETRY_MS,
    concurrency: CONCURRENCY,
  });

  async function report(inbox: Room): Promise<boolean> {
    const count = counts.get(inbox.tag) ?? 0;
    const stored = await roster.setConnections(inbox, count);
    // A count that changed meanwhile has its own report, whose failure must not be forgotten.
    if (stored.ok && count === (counts.get(inbox.tag) ?? 0)) pending.cancel(inbox);
    return stored.ok;
  }

  async function set(inbox: Room, count: number): Promise<void> {
    if (count > 0) counts.set(inbox.tag, count);
    else counts.delete(inbox.tag);
    if (await report(inbox)) return;
    if (pending.size === 0) log.warn('the store rejects the connection counts of users; they are repeated');
    pending.schedule(inbox);
  }

  return {
    sizes: () => ({ counts: counts.size, pending: pending.sizes() }),
    increment: (inbox) => set(inbox, (counts.get(inbox.tag) ?? 0) + 1),
    decrement: (inbox) => set(inbox, (counts.get(inbox.tag) ?? 1) - 1),
    resync: pending.flush,
    close: pending.close,
  };
}

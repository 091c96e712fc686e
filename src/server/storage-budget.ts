import { createSharedBuckets, type Rate, type SharedBuckets } from '../chat/rate-limit.ts';
import type { Sized } from '../sizes.ts';

/**
 * In open mode a client becomes another user as often as it likes. The budget of its address is only this multiple of a user's,
 * since much less than that is what people write who share an address.
 */
const USERS_OF_ADDRESS = 4;
/** Each store adds about this to an entry. */
const ENTRY_BYTES = 512;
/** The first entry of a log costs this beside its own bytes: most of it is the first node of a stream in Redis. */
const LOG_BYTES = 4_096;

/** Bounds the bytes that the users of this worker have the store keep, over time. Nothing of it is shared between workers. */
export interface StorageBudget {
  /**
   * Takes what an event has the store write, as so many entries of that size. Returns 0, or the ms until the next one may be
   * stored. Who has a budget left may overdraw it by one event.
   */
  take(session: BudgetOwner, entries: number, bytes: number): number;
  /** The entry was the first one of its log. */
  takeLog(session: BudgetOwner): void;
}

/** The parts of a session that say whose budget it is. */
interface BudgetOwner {
  readonly user: { readonly id: string };
  readonly budget: { readonly address: string | undefined };
}

export interface StorageBudgetDeps {
  /** Bytes of one user; undefined: no limit. */
  readonly rate: Rate | undefined;
  /** A token says who a user is; in open mode nothing does. */
  readonly mode: 'open' | 'token';
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export function createStorageBudget({ rate, mode, now }: StorageBudgetDeps): StorageBudget & Sized {
  const ofAddress = rate && { perMs: rate.perMs * USERS_OF_ADDRESS, burst: rate.burst * USERS_OF_ADDRESS };
  const users = createSharedBuckets(rate, now);
  const addresses = createSharedBuckets(mode === 'open' ? ofAddress : undefined, now);

  function takeBytes({ user, budget: { address } }: BudgetOwner, bytes: number): number {
    const both: [SharedBuckets, string][] = [[users, user.id]];
    if (address !== undefined) both.push([addresses, address]);
    const waitMs = Math.max(...both.map(([buckets, key]) => buckets.takeMore(key, 0)));
    if (waitMs === 0) for (const [buckets, key] of both) buckets.takeMore(key, bytes);
    return waitMs;
  }

  return {
    sizes: () => ({ users: users.size, addresses: addresses.size }),
    take: (session, entries, bytes) => takeBytes(session, entries * (ENTRY_BYTES + bytes)),
    takeLog: (session) => void takeBytes(session, LOG_BYTES),
  };
}

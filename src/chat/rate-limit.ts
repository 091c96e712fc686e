export interface Rate {
  /** Refilled per millisecond. */
  readonly perMs: number;
  readonly burst: number;
}

/** A token bucket. `take` answers 0 when the event may pass, else in how many ms the next one may. */
export interface Bucket {
  take(): number;
}

const UNLIMITED: Bucket = { take: () => 0 };

export function createBucket(rate: Rate | undefined, now: () => number): Bucket {
  if (!rate) return UNLIMITED;
  let tokens = rate.burst;
  let filledAt = now();
  return {
    take() {
      const at = now();
      tokens = Math.min(rate.burst, tokens + Math.max(0, at - filledAt) * rate.perMs);
      filledAt = at;
      if (tokens >= 1) {
        tokens -= 1;
        return 0;
      }
      return Math.ceil((1 - tokens) / rate.perMs);
    },
  };
}

/** The buckets of all users with a connection on this worker: one user's tabs share one. */
export interface SharedBuckets {
  /** To be called once per connection; `release` when it ends. */
  hold(key: string): Bucket & { release(): void };
}

export function createSharedBuckets(rate: Rate | undefined, now: () => number): SharedBuckets {
  const held = new Map<string, { bucket: Bucket; holders: number }>();
  return {
    hold(key) {
      const shared = held.get(key) ?? { bucket: createBucket(rate, now), holders: 0 };
      shared.holders += 1;
      held.set(key, shared);
      return {
        take: () => shared.bucket.take(),
        release() {
          shared.holders -= 1;
          if (shared.holders === 0) held.delete(key);
        },
      };
    },
  };
}

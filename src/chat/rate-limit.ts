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
  return rate ? new TokenBucket(rate, now) : UNLIMITED;
}

/** Tokens that come back with time. */
class Tokens {
  protected readonly rate: Rate;
  protected tokens: number;
  private readonly now: () => number;
  private filledAt: number;

  constructor(rate: Rate, now: () => number) {
    this.rate = rate;
    this.now = now;
    this.tokens = rate.burst;
    this.filledAt = now();
  }

  get isFull(): boolean {
    this.fill();
    return this.tokens === this.rate.burst;
  }

  protected fill(): void {
    const at = this.now();
    const { perMs, burst } = this.rate;
    this.tokens = Math.min(burst, this.tokens + Math.max(0, at - this.filledAt) * perMs);
    this.filledAt = at;
  }

  /** Until there is one again. */
  protected get waitMs(): number {
    return Math.ceil(Math.max(0, 1 - this.tokens) / this.rate.perMs);
  }
}

class TokenBucket extends Tokens implements Bucket {
  take(): number {
    this.fill();
    if (this.tokens < 1) return this.waitMs;
    this.tokens -= 1;
    return 0;
  }
}

/**
 * A bucket from which refused events take too: a client that goes on regardless gets ever deeper into debt, one that waits as
 * long as told gets through.
 */
export class DebtBucket extends Tokens {
  /** 0 when it may pass, else in how many ms the next one may. One that is larger than the burst passes when nothing is owed. */
  take(amount: number): number {
    this.fill();
    const { tokens } = this;
    // Twice the burst is as deep as it gets: who stops is forgiven in a time that can be told.
    this.tokens = Math.max(-2 * this.rate.burst, tokens - amount);
    return tokens >= 1 ? 0 : this.waitMs;
  }

  /** As much was sent in vain as could have been sent at once. */
  get isDeepInDebt(): boolean {
    return this.tokens < -this.rate.burst;
  }

  /** Until nothing is owed. */
  get debtMs(): number {
    return this.waitMs;
  }
}

/** Buckets made when their key is first asked for. */
export interface KeyedBuckets<B> {
  of(key: string): B;
  /** How many are kept. */
  readonly size: number;
}

/** As many are kept before the full ones among them are looked for. */
const KEPT_UNSEEN = 1_000;

/** A bucket that is full again is as good as none: so they cost something only of those who say something. */
export function createKeyedBuckets<B extends { readonly isFull: boolean }>(make: () => B): KeyedBuckets<B> {
  const buckets = new Map<string, B>();
  let sweepAt = KEPT_UNSEEN;

  function sweep(): void {
    for (const [key, bucket] of buckets) if (bucket.isFull) buckets.delete(key);
    sweepAt = Math.max(KEPT_UNSEEN, buckets.size * 2);
  }

  return {
    of(key) {
      const known = buckets.get(key);
      if (known) return known;
      if (buckets.size >= sweepAt) sweep();
      const bucket = make();
      buckets.set(key, bucket);
      return bucket;
    },
    get size() {
      return buckets.size;
    },
  };
}

/** One bucket a user, shared by their connections on this worker. */
export interface SharedBuckets {
  take(key: string): number;
  /** How many are kept. */
  readonly size: number;
}

export function createSharedBuckets(rate: Rate | undefined, now: () => number): SharedBuckets {
  if (!rate) return { take: () => 0, size: 0 };
  const buckets = createKeyedBuckets(() => new TokenBucket(rate, now));
  return {
    take: (key) => buckets.of(key).take(),
    get size() {
      return buckets.size;
    },
  };
}

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

class TokenBucket implements Bucket {
  private readonly rate: Rate;
  private readonly now: () => number;
  private tokens: number;
  private filledAt: number;

  constructor(rate: Rate, now: () => number) {
    this.rate = rate;
    this.now = now;
    this.tokens = rate.burst;
    this.filledAt = now();
  }

  take(): number {
    this.fill();
    if (this.tokens >= 1) {
      this.tokens -= 1;
      return 0;
    }
    return Math.ceil((1 - this.tokens) / this.rate.perMs);
  }

  isFull(): boolean {
    this.fill();
    return this.tokens === this.rate.burst;
  }

  private fill(): void {
    const at = this.now();
    const { perMs, burst } = this.rate;
    this.tokens = Math.min(burst, this.tokens + Math.max(0, at - this.filledAt) * perMs);
    this.filledAt = at;
  }
}

/**
 * A bucket that what it refuses takes from too: whoever goes on regardless gets ever deeper into debt, and who waits as long
 * as told gets through.
 */
export class DebtBucket {
  private readonly rate: Rate;
  private readonly now: () => number;
  private tokens: number;
  private filledAt: number;

  constructor(rate: Rate, now: () => number) {
    this.rate = rate;
    this.now = now;
    this.tokens = rate.burst;
    this.filledAt = now();
  }

  /** 0 when it may pass, else in how many ms the next one may. One that is larger than the burst passes when nothing is owed. */
  take(amount: number): number {
    this.fill();
    const { tokens } = this;
    const { perMs, burst } = this.rate;
    // Twice the burst is as deep as it gets: who stops is forgiven in a time that can be told.
    this.tokens = Math.max(-2 * burst, tokens - amount);
    return tokens >= 1 ? 0 : Math.ceil((1 - this.tokens) / perMs);
  }

  /** As much was sent in vain as could have been sent at once. */
  get isDeepInDebt(): boolean {
    return this.tokens < -this.rate.burst;
  }

  get isFull(): boolean {
    this.fill();
    return this.tokens === this.rate.burst;
  }

  /** Until nothing is owed. */
  get debtMs(): number {
    return Math.ceil(Math.max(0, 1 - this.tokens) / this.rate.perMs);
  }

  private fill(): void {
    const at = this.now();
    const { perMs, burst } = this.rate;
    this.tokens = Math.min(burst, this.tokens + Math.max(0, at - this.filledAt) * perMs);
    this.filledAt = at;
  }
}

/** One bucket a user, shared by their connections on this worker. */
export interface SharedBuckets {
  take(key: string): number;
  /** How many are kept. */
  readonly size: number;
}

/** As many are kept before the full ones among them are looked for. */
const KEPT_UNSEEN = 1_000;

/** A bucket that is full again is as good as none: so they cost something only of those who say something. */
export function createSharedBuckets(rate: Rate | undefined, now: () => number): SharedBuckets {
  const buckets = new Map<string, TokenBucket>();
  let sweepAt = KEPT_UNSEEN;

  function sweep(): void {
    for (const [key, bucket] of buckets) if (bucket.isFull()) buckets.delete(key);
    sweepAt = Math.max(KEPT_UNSEEN, buckets.size * 2);
  }

  function add(key: string, limit: Rate): TokenBucket {
    if (buckets.size >= sweepAt) sweep();
    const bucket = new TokenBucket(limit, now);
    buckets.set(key, bucket);
    return bucket;
  }

  return {
    take: (key) => (rate ? (buckets.get(key) ?? add(key, rate)).take() : 0),
    get size() {
      return buckets.size;
    },
  };
}

export interface Rate {
  /** Refilled per millisecond. */
  readonly perMs: number;
  readonly burst: number;
}

/** A token bucket. */
export interface Bucket {
  /** Takes one token and returns 0, or the ms until the next one. */
  take(): number;
  /** Takes the tokens that an event costs beyond its first, down to a debt of a whole burst. Returns as `take`: nobody in debt gets more. */
  takeMore(amount: number): number;
}

const UNLIMITED: Bucket = { take: () => 0, takeMore: () => 0 };

export function createBucket(rate: Rate | undefined, now: () => number): Bucket {
  return rate ? new TokenBucket(rate, now) : UNLIMITED;
}

/**
 * Tokens are sums of fractions: a client that waited for a whole one may find a millionth of a millionth missing, or be told to
 * wait a millisecond longer for it.
 */
const WHOLE_TOKEN = 1 - 1e-9;
const AWAITED_TOKEN = (1 + WHOLE_TOKEN) / 2;

/** Tokens that refill with time. */
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

  /** Ms until the next token. */
  protected get waitMs(): number {
    return Math.ceil(Math.max(0, AWAITED_TOKEN - this.tokens) / this.rate.perMs);
  }
}

class TokenBucket extends Tokens implements Bucket {
  take(): number {
    const waitMs = this.peek();
    if (waitMs === 0) this.tokens = Math.max(0, this.tokens - 1);
    return waitMs;
  }

  /** Returns what `take` would, and takes nothing. */
  peek(): number {
    this.fill();
    return this.tokens < WHOLE_TOKEN ? this.waitMs : 0;
  }

  takeMore(amount: number): number {
    this.fill();
    if (this.tokens < 0) return this.waitMs;
    this.tokens = Math.max(-this.rate.burst, this.tokens - amount);
    return 0;
  }
}

/**
 * A bucket from which rejected events take too: a client that ignores rejections gets deeper into debt, and one that waits
 * as long as the answer says gets through.
 */
export class DebtBucket extends Tokens {
  /** Returns 0, or the ms until the next event may pass. One that is larger than the burst passes when there is no debt. */
  take(amount: number): number {
    this.fill();
    const { tokens } = this;
    // Twice the burst is the deepest debt, so a client that stops is out of debt within a known time.
    this.tokens = Math.max(-2 * this.rate.burst, tokens - amount);
    return tokens >= WHOLE_TOKEN ? 0 : this.waitMs;
  }

  /** Takes what a client could not foresee: it may make the client wait, and never leads deep into debt. */
  charge(amount: number): void {
    this.fill();
    this.tokens = Math.min(this.tokens, Math.max(-this.rate.burst, this.tokens - amount));
  }

  /** The debt exceeds a whole burst. */
  get isDeepInDebt(): boolean {
    return this.tokens < -this.rate.burst;
  }

  /** Ms until there is no debt. */
  get debtMs(): number {
    return this.waitMs;
  }
}

/** Buckets by key, made at the first use of the key. */
export interface KeyedBuckets<B> {
  of(key: string): B;
  /** The number of buckets kept. */
  readonly size: number;
}

/** Full buckets are evicted only once there are more than this. */
const MIN_EVICTION_SIZE = 1_000;

/** Evicts buckets that are full again, because they are equal to new ones: only active keys cost memory. */
export function createKeyedBuckets<B extends { readonly isFull: boolean }>(make: () => B): KeyedBuckets<B> {
  const buckets = new Map<string, B>();
  let evictAt = MIN_EVICTION_SIZE;

  function evict(): void {
    for (const [key, bucket] of buckets) if (bucket.isFull) buckets.delete(key);
    evictAt = Math.max(MIN_EVICTION_SIZE, buckets.size * 2);
  }

  return {
    of(key) {
      const known = buckets.get(key);
      if (known) return known;
      if (buckets.size >= evictAt) evict();
      const bucket = make();
      buckets.set(key, bucket);
      return bucket;
    },
    get size() {
      return buckets.size;
    },
  };
}

/** One bucket for each key, such as a user, shared by its connections on this worker. */
export interface SharedBuckets {
  take(key: string): number;
  /** Returns what `take` would, and takes nothing. */
  peek(key: string): number;
  takeMore(key: string, amount: number): number;
  /** The number of buckets kept. */
  readonly size: number;
}

export function createSharedBuckets(rate: Rate | undefined, now: () => number): SharedBuckets {
  if (!rate) return { take: () => 0, peek: () => 0, takeMore: () => 0, size: 0 };
  const buckets = createKeyedBuckets(() => new TokenBucket(rate, now));
  return {
    take: (key) => buckets.of(key).take(),
    peek: (key) => buckets.of(key).peek(),
    takeMore: (key, amount) => buckets.of(key).takeMore(amount),
    get size() {
      return buckets.size;
    },
  };
}

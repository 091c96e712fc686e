import type { HookQueue } from '../../chat/hook-queue.ts';

export interface SenderLeaseDeps {
  readonly queue: Pick<HookQueue, 'lease'>;
  /** This process, by a name that no other ever has. */
  readonly holder: string;
  /** The longest time of one request. It must be over before another process may hold the lease. */
  readonly timeoutMs: number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
}

/** The right to send, which one process of the cluster has at a time. */
export interface SenderLease {
  /** Takes or extends it if need be. True: it lasts for one more request. */
  holds(): Promise<boolean>;
  /** The store says that another process has it. */
  lost(): void;
  release(): Promise<void>;
}

/** The lease outlives a request by this time. */
const SPARE_MS = 3_000;

export function createSenderLease({ queue, holder, timeoutMs, elapsedMs }: SenderLeaseDeps): SenderLease {
  const leaseMs = timeoutMs + SPARE_MS;
  let until = Number.NEGATIVE_INFINITY;
  const lost = () => {
    until = Number.NEGATIVE_INFINITY;
  };

  return {
    async holds() {
      if (until - elapsedMs() > timeoutMs + SPARE_MS / 2) return true;
      const askedAt = elapsedMs();
      const leased = await queue.lease(holder, leaseMs);
      if (leased.ok && leased.value) until = askedAt + leaseMs;
      else if (leased.ok) lost();
      return until - elapsedMs() > timeoutMs;
    },
    lost,
    async release() {
      await queue.lease(holder, 0);
    },
  };
}

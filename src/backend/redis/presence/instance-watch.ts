import { ROSTER_HEARTBEAT_MS } from '../../../chat/roster.ts';

/*
 * Measures the time since each instance's last heartbeat, without asking the clock of another host or of the store: a
 * heartbeat changes the lease, and this process measures by its own monotonic clock how long a lease stands still. Time in
 * which this process could not have seen a heartbeat does not count: while it was frozen, or while the store took no writes,
 * its own included.
 */

/** The most that counts between two signs that heartbeats can be written and seen. */
const MOST_UNSEEN_MS = 2 * ROSTER_HEARTBEAT_MS;

export interface Lease {
  readonly instanceId: string;
  readonly leaseEndMs: number;
  /** The silence by the store's clock, which may have been set meanwhile. */
  readonly silentMs: number;
}

export interface Silence {
  /** The best estimate: for an instance seen for the first time, the store's clock decides. */
  readonly silentMs: number;
  /** The part of `silentMs` of which this process is certain. */
  readonly certainMs: number;
}

export interface InstanceWatch {
  /** MUST be called with all listed instances each time they are read, at least every `ROSTER_HEARTBEAT_MS`. */
  observe(leases: readonly Lease[]): readonly Silence[];
  /** The store accepted a heartbeat of this process. */
  onHeartbeat(): void;
}

interface Seen {
  readonly leaseEndMs: number;
  readonly lastHeartbeatAtMs: number;
  readonly certainAtMs: number;
}

export function createInstanceWatch(now: () => number): InstanceWatch {
  let seen = new Map<string, Seen>();
  let observedAtMs: number | undefined;
  let countedMs = 0;
  let countedAtMs = now();
  let writesHeartbeats = false;

  const watchTime = () => countedMs + Math.min(now() - countedAtMs, MOST_UNSEEN_MS);

  function count(): void {
    countedMs = watchTime();
    countedAtMs = now();
  }

  function see({ instanceId, leaseEndMs, silentMs }: Lease, atMs: number): Seen {
    const before = seen.get(instanceId);
    if (before?.leaseEndMs === leaseEndMs) return before;
    const mostMs = observedAtMs === undefined ? Number.POSITIVE_INFINITY : atMs - observedAtMs;
    const lastHeartbeatAtMs = atMs - Math.min(Math.max(0, silentMs), mostMs);
    return {
      leaseEndMs,
      lastHeartbeatAtMs,
      certainAtMs: observedAtMs === undefined ? atMs : lastHeartbeatAtMs,
    };
  }

  return {
    observe(leases) {
      if (!writesHeartbeats) count();
      const atMs = watchTime();
      const observed = new Map(leases.map((lease) => [lease.instanceId, see(lease, atMs)]));
      seen = observed;
      observedAtMs = atMs;
      return leases.map(({ instanceId }) => {
        const { lastHeartbeatAtMs = atMs, certainAtMs = atMs } = observed.get(instanceId) ?? {};
        return { silentMs: atMs - lastHeartbeatAtMs, certainMs: atMs - certainAtMs };
      });
    },
    onHeartbeat() {
      writesHeartbeats = true;
      count();
    },
  };
}

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
  /** By the store's clock, which may have been set meanwhile. */
  readonly silentMs: number;
}

export interface Silence {
  /** As far as can be told: of an instance that is looked at for the first time, what the store's clock says. */
  readonly silentMs: number;
  /** Of that, what this process is certain of. */
  readonly certainMs: number;
}

export interface InstanceWatch {
  /** To be told of all that are listed each time they are read, every `ROSTER_HEARTBEAT_MS` at least. */
  look(leases: readonly Lease[]): readonly Silence[];
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
  let lookedAtMs: number | undefined;
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
    const mostMs = lookedAtMs === undefined ? Number.POSITIVE_INFINITY : atMs - lookedAtMs;
    const lastHeartbeatAtMs = atMs - Math.min(Math.max(0, silentMs), mostMs);
    return {
      leaseEndMs,
      lastHeartbeatAtMs,
      certainAtMs: lookedAtMs === undefined ? atMs : lastHeartbeatAtMs,
    };
  }

  return {
    look(leases) {
      if (!writesHeartbeats) count();
      const atMs = watchTime();
      const looked = new Map(leases.map((lease) => [lease.instanceId, see(lease, atMs)]));
      seen = looked;
      lookedAtMs = atMs;
      return leases.map(({ instanceId }) => {
        const { lastHeartbeatAtMs = atMs, certainAtMs = atMs } = looked.get(instanceId) ?? {};
        return { silentMs: atMs - lastHeartbeatAtMs, certainMs: atMs - certainAtMs };
      });
    },
    onHeartbeat() {
      writesHeartbeats = true;
      count();
    },
  };
}

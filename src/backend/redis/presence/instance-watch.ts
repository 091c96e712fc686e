import { ROSTER_RENEW_MS } from '../../../chat/roster.ts';

/*
 * For how long an instance has not proved itself. No host's clock is asked, nor the store's: a lease that changed was renewed,
 * and how long it stands still is measured by this process's own clock, which cannot step. Nor is time counted in which
 * this process could not have seen a proof: while it was frozen, or the store took no writes, not even its own.
 */

/** The most that counts between two signs that proofs can be written and seen. */
const MOST_UNSEEN_MS = 2 * ROSTER_RENEW_MS;

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
  /** To be told of all that are listed each time they are read, every `ROSTER_RENEW_MS` at least. */
  look(leases: readonly Lease[]): readonly Silence[];
  /** The store took a proof of this process. */
  proved(): void;
}

interface Seen {
  readonly leaseEndMs: number;
  readonly provedAtMs: number;
  readonly certainAtMs: number;
}

export function createInstanceWatch(now: () => number): InstanceWatch {
  let seen = new Map<string, Seen>();
  let lookedAtMs: number | undefined;
  let countedMs = 0;
  let countedAtMs = now();
  let proves = false;

  const watchTime = () => countedMs + Math.min(now() - countedAtMs, MOST_UNSEEN_MS);

  function count(): void {
    countedMs = watchTime();
    countedAtMs = now();
  }

  function see({ instanceId, leaseEndMs, silentMs }: Lease, atMs: number): Seen {
    const before = seen.get(instanceId);
    if (before?.leaseEndMs === leaseEndMs) return before;
    const mostMs = lookedAtMs === undefined ? Number.POSITIVE_INFINITY : atMs - lookedAtMs;
    const provedAtMs = atMs - Math.min(Math.max(0, silentMs), mostMs);
    return { leaseEndMs, provedAtMs, certainAtMs: lookedAtMs === undefined ? atMs : provedAtMs };
  }

  return {
    look(leases) {
      if (!proves) count();
      const atMs = watchTime();
      const looked = new Map(leases.map((lease) => [lease.instanceId, see(lease, atMs)]));
      seen = looked;
      lookedAtMs = atMs;
      return leases.map(({ instanceId }) => {
        const { provedAtMs = atMs, certainAtMs = atMs } = looked.get(instanceId) ?? {};
        return { silentMs: atMs - provedAtMs, certainMs: atMs - certainAtMs };
      });
    },
    proved() {
      proves = true;
      count();
    },
  };
}

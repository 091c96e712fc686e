import { ROSTER_LEASE_MS } from '../../chat/roster.ts';
import type { Sized } from '../../sizes.ts';

export interface InstanceRecord {
  /**
   * The ids of this instance's users, by the room's tag. It also has the rooms with connections of the instance but no
   * users.
   */
  readonly rooms: Map<string, Set<string>>;
  /** The time of the last heartbeat, by the monotonic clock. */
  lastHeartbeatAt: number;
  /** When the lease was last extended, by a heartbeat or by the primary. */
  leasedAt: number;
  /** False until its first heartbeat: it may have been reaped and not know it. */
  hasHeartbeat: boolean;
}

/** The worker processes, and whether each counts: it is alive by its lease and not fenced. */
export interface InstanceTable {
  /** Creates the record if it is missing: an instance counts from its first call. */
  record(instanceId: string): InstanceRecord;
  find(instanceId: string): InstanceRecord | undefined;
  drop(instanceId: string): void;
  /** The instance stops counting. Callers ignore what it sends from now on, also after `drop`. */
  fence(instanceId: string): void;
  isFenced(instanceId: string): boolean;
  counts(instanceId: string): boolean;
  counting(): readonly InstanceRecord[];
  expired(): readonly string[];
  /** Extends the lease of an instance that hangs. */
  vouchFor(instanceId: string): void;
}

/** A worker that was fenced this many fences ago has no messages in flight any more. */
const FENCED_KEPT = 1_000;

export function createInstanceTable({
  elapsedMs,
}: {
  readonly elapsedMs: () => number;
}): InstanceTable & Sized {
  const instances = new Map<string, InstanceRecord>();
  const fenced = new Set<string>();

  function counts(instanceId: string): boolean {
    const record = instances.get(instanceId);
    return (
      record !== undefined && !fenced.has(instanceId) && elapsedMs() - record.leasedAt <= ROSTER_LEASE_MS
    );
  }

  return {
    sizes: () => ({ instances: instances.size, fenced: fenced.size }),
    record(instanceId) {
      const record = instances.get(instanceId) ?? {
        rooms: new Map(),
        lastHeartbeatAt: elapsedMs(),
        leasedAt: elapsedMs(),
        hasHeartbeat: false,
      };
      instances.set(instanceId, record);
      return record;
    },
    find: (instanceId) => instances.get(instanceId),
    drop: (instanceId) => {
      instances.delete(instanceId);
    },
    fence(instanceId) {
      fenced.add(instanceId);
      for (const oldest of fenced) {
        if (fenced.size <= FENCED_KEPT) break;
        if (!instances.has(oldest)) fenced.delete(oldest);
      }
    },
    isFenced: (instanceId) => fenced.has(instanceId),
    counts,
    counting: () => [...instances].flatMap(([instanceId, record]) => (counts(instanceId) ? [record] : [])),
    // It includes fenced instances: if their primary does not reap them after the grace time, the lease ends.
    expired: () =>
      [...instances].flatMap(([instanceId, { leasedAt }]) =>
        elapsedMs() - leasedAt > ROSTER_LEASE_MS ? [instanceId] : [],
      ),
    vouchFor(instanceId) {
      const record = instances.get(instanceId);
      if (record && !fenced.has(instanceId)) record.leasedAt = elapsedMs();
    },
  };
}

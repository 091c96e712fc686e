import { ROSTER_LEASE_MS } from '../../chat/roster.ts';

export interface InstanceRecord {
  /** The users of this instance by the room's tag; also rooms where it has connections only. */
  readonly rooms: Map<string, Set<string>>;
  /** By a clock that cannot be set. */
  lastHeartbeatAt: number;
  /** False until its first heartbeat: it may have been reaped and not know it. */
  hasHeartbeat: boolean;
}

/** The worker processes, and which of them count. */
export interface InstanceTable {
  /** Made when missing: it counts from its first word. */
  record(instanceId: string): InstanceRecord;
  find(instanceId: string): InstanceRecord | undefined;
  drop(instanceId: string): void;
  /** It counts nowhere any more; what it says from now on is to be ignored, also after `drop`. */
  fence(instanceId: string): void;
  isFenced(instanceId: string): boolean;
  counts(instanceId: string): boolean;
  counting(): readonly InstanceRecord[];
  expired(): readonly string[];
}

/** Of a worker so long dead nothing can still be on its way. */
const FENCED_KEPT = 1_000;

export function createInstanceTable({ elapsedMs }: { readonly elapsedMs: () => number }): InstanceTable {
  const instances = new Map<string, InstanceRecord>();
  const fenced = new Set<string>();

  function counts(instanceId: string): boolean {
    const record = instances.get(instanceId);
    return (
      record !== undefined &&
      !fenced.has(instanceId) &&
      elapsedMs() - record.lastHeartbeatAt <= ROSTER_LEASE_MS
    );
  }

  return {
    record(instanceId) {
      const record = instances.get(instanceId) ?? {
        rooms: new Map(),
        lastHeartbeatAt: elapsedMs(),
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
    // Not those fenced: their primary reaps them when the grace time is over.
    expired: () =>
      [...instances].flatMap(([instanceId, { lastHeartbeatAt }]) =>
        elapsedMs() - lastHeartbeatAt > ROSTER_LEASE_MS ? [instanceId] : [],
      ),
  };
}

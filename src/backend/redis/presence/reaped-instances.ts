import type { ListedInstance } from './instances.ts';

/** A store that lost its newest writes lacks those of a few seconds; a replica that lags by more is out of order. */
const REMEMBERED_MS = 60_000;

interface Reaped {
  readonly instanceId: string;
  /** The end of its lease, in the cluster's time. */
  readonly lease: string;
  readonly atMs: number;
}

/** The instances that were reaped of late, by this process or, as far as it has seen that, by another one. */
export interface ReapedInstances {
  add(instanceId: string, lease: string): void;
  /**
   * Takes note of a reading of the silent instances. An instance stays listed for a lease after it was reaped, so each host sees
   * whom another host reaped, which may be gone itself when the store loses that.
   */
  see(silent: readonly Pick<ListedInstance, 'instanceId' | 'lease' | 'reaped'>[]): void;
  delete(instanceId: string): void;
  recent(): readonly Pick<Reaped, 'instanceId' | 'lease'>[];
}

export function createReapedInstances(now: () => number): ReapedInstances {
  let reaped: readonly Reaped[] = [];
  /** The leases of silent instances that nobody has reaped. A reaped one has another lease, which no heartbeat gave it. */
  let silentLeases: ReadonlyMap<string, string> = new Map();

  const isRecent = ({ atMs }: Reaped) => now() - atMs < REMEMBERED_MS;
  const without = (instanceId: string) =>
    reaped.filter((one) => one.instanceId !== instanceId && isRecent(one));

  function add(instanceId: string, lease: string): void {
    reaped = [...without(instanceId), { instanceId, lease: lease.replace('-', ''), atMs: now() }];
  }

  return {
    add,
    see(silent) {
      const leases = new Map<string, string>();
      for (const { instanceId, lease, reaped: isReaped } of silent) {
        const known = isReaped ? silentLeases.get(instanceId) : lease;
        // An instance of an earlier release may have no lease yet.
        if (known === undefined || known === '') continue;
        leases.set(instanceId, known);
        if (isReaped) add(instanceId, known);
      }
      silentLeases = leases;
    },
    delete(instanceId) {
      reaped = without(instanceId);
    },
    recent: () => reaped.filter(isRecent),
  };
}

/** A store that lost its newest writes lacks those of a few seconds; a replica that lags by more is out of order. */
const REMEMBERED_MS = 60_000;

interface Reaped {
  readonly instanceId: string;
  /** The end of its lease, in the cluster's time. */
  readonly lease: string;
  readonly atMs: number;
}

/** The instances that this process reaped of late. */
export interface ReapedInstances {
  add(instanceId: string, lease: string): void;
  delete(instanceId: string): void;
  recent(): readonly Pick<Reaped, 'instanceId' | 'lease'>[];
}

export function createReapedInstances(now: () => number): ReapedInstances {
  let reaped: readonly Reaped[] = [];

  const isRecent = ({ atMs }: Reaped) => now() - atMs < REMEMBERED_MS;
  const without = (instanceId: string) =>
    reaped.filter((one) => one.instanceId !== instanceId && isRecent(one));

  return {
    add(instanceId, lease) {
      reaped = [...without(instanceId), { instanceId, lease: lease.replace('-', ''), atMs: now() }];
    },
    delete(instanceId) {
      reaped = without(instanceId);
    },
    recent: () => reaped.filter(isRecent),
  };
}

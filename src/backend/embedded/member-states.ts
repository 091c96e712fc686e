import { ROSTER_DOUBT_MS, type RosterMember } from '../../chat/roster.ts';
import type { InstanceTable } from './instance-table.ts';
import type { UserPresence } from './room-presence.ts';

export interface MemberStatesDeps {
  readonly instances: Pick<InstanceTable, 'find' | 'counts'>;
  readonly now: () => number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
}

/** Returns how a user is listed, from the heartbeats of the instances that the user is on. */
export function createMemberStates({
  instances,
  now,
  elapsedMs,
}: MemberStatesDeps): (user: UserPresence) => RosterMember {
  const lastHeartbeatAt = (all: readonly (readonly [string, unknown])[]) =>
    Math.max(
      ...all.map(([instanceId]) => instances.find(instanceId)?.lastHeartbeatAt ?? Number.NEGATIVE_INFINITY),
    );
  const silentMs = (all: readonly (readonly [string, unknown])[]) => elapsedMs() - lastHeartbeatAt(all);

  return ({ shown, instances: on }) => {
    const living = [...on].filter(([instanceId]) => instances.counts(instanceId));
    const doubtful = silentMs(living) > ROSTER_DOUBT_MS;
    return {
      ...shown,
      clients: living.reduce((sum, [, { own }]) => sum + own, 0),
      state: doubtful ? 'doubtful' : 'online',
      seenAt: Math.max(0, Math.round(now() - silentMs([...on]))),
    };
  };
}

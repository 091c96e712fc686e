import { inBatches } from '../../../chat/batches.ts';
import type { Room } from '../../../chat/room.ts';
import { type Departure, ROSTER_LEASE_MS, ROSTER_SETTLE_MS, type Roster } from '../../../chat/roster.ts';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { FrameSigner } from '../bus/frame-signer.ts';
import { mayHaveLost } from '../connection/server-term.ts';
import type { Scripts } from '../scripts.ts';
import type { ClusterClock } from './cluster-clock.ts';
import type { InstanceReads } from './instances.ts';
import type { LiveInstances } from './live-instances.ts';
import { ALL_OCCUPIED, decodeRoom } from './occupied-rooms.ts';
import { entriesOf } from './persons.ts';
import type { PresenceNotifier } from './presence-notifier.ts';
import { createReapedInstances } from './reaped-instances.ts';
import { presenceSignature, roomScriptArgs, roomScriptKeys } from './room-scripts.ts';
import type { Settling } from './settling.ts';

export interface ReaperDeps extends InstanceReads {
  readonly scripts: Pick<Scripts, 'fence' | 'forget' | 'reap'>;
  readonly signer: Pick<FrameSigner, 'scriptArg'>;
  readonly clock: Pick<ClusterClock, 'leastAt'>;
  readonly living: Pick<LiveInstances, 'forget'>;
  readonly notifier: PresenceNotifier;
  readonly settling: Pick<Settling, 'leftMs'>;
  /** Lists an instance that is not listed, without a heartbeat. */
  readonly list: (instanceId: string) => Promise<Outcome<unknown>>;
  readonly now: () => number;
}

export interface Reaper extends Pick<Roster, 'fence' | 'reap' | 'expired'> {
  /**
   * Reaps again whom this process, or another one within its sight, reaped of late and who have sent no heartbeat since, without
   * a word to the members: the store may have lost it. Returns whether the store accepted all of it.
   */
  reapAgain(): Promise<boolean>;
}

type FenceReply = [fenced: number, lease: string];
type ReapReply = [clients: number, waitMs: number, gone: string[]];

/*
 * listed -> (fence) fenced -> (reap) fenced and reaped, for one lease more -> (reap, forget) not listed
 *
 * The last commands of a dead worker may arrive after it was reaped. They count nowhere while it is fenced, and the second
 * reap takes them out. Any heartbeat ends the fence, whereupon the instance learns that it was dropped and reports its whole
 * presence again. So each step that takes something from an instance fences it (again) first or after.
 *
 * A server that lost its newest writes may list an instance as it was before it was reaped. Its departures would be announced a
 * second time. So whoever reaped it, or saw that another process did, reaps it again quietly, and nobody reaps for an expired
 * lease until that is done.
 */
export function createReaper(deps: ReaperDeps): Reaper {
  const { redis, scripts, keys, occupied, instances, signer, clock, living, notifier, settling, list, now } =
    deps;
  const [leasesKey] = keys.leases;
  const ofLate = createReapedInstances(now);
  let term: string | undefined;
  let waitsUntilMs = Number.NEGATIVE_INFINITY;

  async function fenceUnlessAfter(dead: string, lease = ''): Promise<Outcome<FenceReply>> {
    const fenced = await redis.evaluate<FenceReply>(
      scripts.fence,
      [keys.instances, leasesKey],
      [dead, lease],
    );
    living.forget();
    return fenced;
  }

  async function fence(dead: string): Promise<Outcome<void>> {
    const fenced = await fenceUnlessAfter(dead);
    return fenced.ok ? succeed(undefined) : fenced;
  }

  async function reap(dead: string): Promise<Outcome<readonly Departure[]>> {
    const fenced = await fenceUnlessAfter(dead);
    if (!fenced.ok) return fenced;
    const [, lease] = fenced.value;
    return reapAll(dead, lease, false);
  }

  async function reapAgain(): Promise<boolean> {
    waitsUntilMs = now() + ROSTER_SETTLE_MS;
    let accepted = true;
    await inBatches(ofLate.recent(), async ({ instanceId, lease }) => {
      const fenced = await fenceUnlessAfter(instanceId, lease);
      if (fenced.ok && fenced.value[0] === 0) ofLate.delete(instanceId);
      else if (!fenced.ok || !(await reapAll(instanceId, lease, true)).ok) accepted = false;
    });
    return accepted;
  }

  async function reapAll(dead: string, lease: string, told: boolean): Promise<Outcome<readonly Departure[]>> {
    const departures: Departure[] = [];
    let failed: Refusal | undefined;
    const read = await occupied.eachPage(dead, ALL_OCCUPIED, async (members) => {
      void fence(dead);
      await inBatches(members, async (member) => {
        const reaped = failed ?? (await reapFrom(dead, decodeRoom(member), told));
        if (reaped.ok) departures.push(...reaped.value);
        else failed = reaped;
      });
    });
    failed ??= read.ok ? undefined : read;
    const forgotten = failed ?? (await forget(dead));
    if (!forgotten.ok) void fence(dead);
    // The rooms of those found gone must still be notified. The instance stays listed, so the next reap finds the rest.
    if (failed) return departures.length > 0 ? succeed(departures) : failed;
    // An instance of an earlier release may have no lease yet, which would tell whether it has sent a heartbeat since.
    if (lease !== '') ofLate.add(dead, lease);
    if (!forgotten.ok || forgotten.value === 0) return succeed(departures);
    const late = await occupied.any(dead);
    if (late.ok && late.value) await list(dead);
    return succeed(departures);
  }

  /** Returns 1 if the instance is no longer listed. */
  function forget(dead: string): Promise<Outcome<number>> {
    return redis.evaluate<number>(scripts.forget, [keys.instances, ...keys.leases], (server) => [
      clock.leastAt(server),
      dead,
      String(ROSTER_LEASE_MS),
    ]);
  }

  async function reapFrom(dead: string, room: Room, told: boolean): Promise<Outcome<Departure[]>> {
    const reaped = await (room.kind === 'inbox' ? reapInbox(dead, room) : reapRoom(dead, room, told));
    if (reaped.ok) void occupied.vacateAnywhere(dead, room);
    return reaped;
  }

  async function reapInbox(dead: string, inbox: Room): Promise<Outcome<Departure[]>> {
    const removed = await redis.call(['HDEL', keys.connections(inbox), dead]);
    return removed.ok ? succeed([]) : removed;
  }

  async function reapRoom(dead: string, room: Room, told: boolean): Promise<Outcome<Departure[]>> {
    const reaped = await redis.evaluate<ReapReply>(
      scripts.reap,
      roomScriptKeys(keys, room, dead),
      (server) => [
        ...roomScriptArgs(keys, room, dead, { settleMs: settling.leftMs(server), expected: false }),
        told ? '1' : '0',
        presenceSignature(keys, room, signer),
      ],
    );
    if (!reaped.ok) return reaped;
    const [clients, waitMs, gone] = reaped.value;
    if (waitMs > 0) notifier.schedule(room, waitMs);
    return succeed(entriesOf(gone).map((user) => ({ room, user, clients, announced: true })));
  }

  async function expired(): Promise<Outcome<readonly string[]>> {
    const silent = await instances.silent();
    if (!silent.ok) return silent;
    ofLate.see(silent.value.instances);
    const before = term;
    term = silent.value.term;
    if (before !== undefined && (term === undefined || mayHaveLost(before, term)))
      waitsUntilMs = now() + ROSTER_SETTLE_MS;
    if (now() < waitsUntilMs) return succeed([]);
    const over = silent.value.instances.filter((one) => one.expired);
    return succeed(over.map(({ instanceId }) => instanceId));
  }

  return { fence, reap, expired, reapAgain };
}

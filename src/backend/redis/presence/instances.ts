import { ROSTER_LEASE_MS, type RosterCount } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';
import type { InstanceWatch } from './instance-watch.ts';
import { type OccupiedRooms, rangeOf, roomidOf } from './occupied-rooms.ts';

/** A worker process as roster-heartbeat.lua lists it. */
export interface ListedInstance {
  readonly instanceId: string;
  /** The record as the store has it. */
  readonly record: string;
  /** Its users and connections count: its lease is not over and it is not fenced. */
  readonly alive: boolean;
  /**
   * It has certainly sent no heartbeat for a lease, so any host may reap it. A fenced instance has that long for its own
   * primary to reap it, and a reaped one as long again for commands it still had under way.
   */
  readonly expired: boolean;
  /** Its users were removed already. Users that it still has were entered too late. */
  readonly reaped: boolean;
  /** The time of its last heartbeat, by the store's clock. */
  readonly lastHeartbeatAtMs: number;
  readonly silentMs: number;
  /** Its primary extended the lease last, because it hangs. */
  readonly vouchedFor: boolean;
  readonly clients: number;
  readonly host: string;
}

/** All listed instances. One process must always read them through the same watch. */
export type ReadInstances = () => Promise<Outcome<ListedInstance[]>>;

/** The dependencies of everything that reads instances and their rooms. */
export interface InstanceReads {
  readonly redis: RedisCommands;
  readonly keys: RedisKeys;
  readonly occupied: OccupiedRooms;
  readonly readInstances: ReadInstances;
}

export interface ReadInstancesDeps {
  readonly redis: RedisCommands;
  /** roster-instances.lua */
  readonly script: Script;
  readonly keys: RedisKeys;
  readonly watch: InstanceWatch;
}

export function createReadInstances({ redis, script, keys, watch }: ReadInstancesDeps): ReadInstances {
  return async () => {
    const listed = await redis.evaluate<[nowMs: string, flat: string[]]>(script, [keys.instances], []);
    if (!listed.ok) return listed;
    const [nowMs, flat] = listed.value;
    const instances = [];
    for (let index = 0; index < flat.length; index += 2)
      instances.push(parsed(flat[index] ?? '', flat[index + 1] ?? '', Number(nowMs)));
    const silences = watch.observe(instances);
    return succeed(
      instances.map(({ leaseEndMs, fenced, ...instance }, index) => {
        const { silentMs = 0, certainMs = 0 } = silences[index] ?? {};
        // No clock is that early: somebody ended the lease by hand.
        const ended = leaseEndMs <= ROSTER_LEASE_MS;
        return {
          ...instance,
          silentMs,
          alive: silentMs < ROSTER_LEASE_MS && !fenced && !ended,
          expired: certainMs >= ROSTER_LEASE_MS || ended,
        };
      }),
    );
  };
}

function parsed(instanceId: string, record: string, nowMs: number) {
  const [lease = '', clients = '', ...host] = record.split(' ');
  const leaseEndMs = Math.abs(Number(lease));
  const lastHeartbeatAtMs = Math.max(0, leaseEndMs - ROSTER_LEASE_MS);
  return {
    instanceId,
    record,
    leaseEndMs,
    fenced: lease.startsWith('-'),
    reaped: clients === 'swept',
    lastHeartbeatAtMs,
    silentMs: nowMs - lastHeartbeatAtMs,
    vouchedFor: clients.endsWith('v'),
    // `?` until its first heartbeat.
    clients: Number.parseInt(clients, 10) || 0,
    host: host.join(' '),
  };
}

/**
 * Counts the different users with connections on these instances, and the connections, over all namespaces. A user is
 * listed at once, connections with the instance's next heartbeat. So the two are of different moments, and the users,
 * which are newer, decide: without users there are no connections, and every user has at least one.
 */
export async function countPeople(
  occupied: OccupiedRooms,
  instances: readonly ListedInstance[],
): Promise<Outcome<RosterCount>> {
  const users = await occupied.countDifferent(idsOf(instances), rangeOf('inbox'), roomidOf);
  if (!users.ok) return users;
  const connections = instances.reduce((sum, { clients }) => sum + clients, 0);
  return succeed({ users: users.value, clients: users.value === 0 ? 0 : Math.max(users.value, connections) });
}

export function idsOf(instances: readonly ListedInstance[]): string[] {
  return instances.map(({ instanceId }) => instanceId);
}

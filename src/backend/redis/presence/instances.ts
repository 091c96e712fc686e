import { ROSTER_DOUBT_MS, ROSTER_LEASE_MS, type RosterCount } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script, Scripts } from '../scripts.ts';
import type { ClusterClock } from './cluster-clock.ts';
import { type OccupiedRooms, rangeOf, roomidOf } from './occupied-rooms.ts';

export interface InstanceState {
  /** Its users and connections count: its lease is not over and it is not fenced. */
  readonly alive: boolean;
  /** Its users were removed already. Users that it still has were entered too late. */
  readonly reaped: boolean;
  /** The time of its last heartbeat, by the store's clock. */
  readonly lastHeartbeatAtMs: number;
  readonly silentMs: number;
  /** Its primary extended the lease last, because it hangs. */
  readonly vouchedFor: boolean;
}

/** A worker process as roster-heartbeat.lua lists it. */
export interface ListedInstance extends InstanceState {
  readonly instanceId: string;
  /**
   * It has sent no heartbeat for a lease, so any host may reap it. A fenced instance has that long for its own primary to
   * reap it, and a reaped one as long again for commands it still had under way.
   */
  readonly expired: boolean;
  /** The end of its lease in the cluster's time, with a `-` before it while it is fenced; '' for none. */
  readonly lease: string;
  readonly clients: number;
  readonly host: string;
}

export interface SilentInstances {
  /** Those that are fenced, hang, or are silent for `ROSTER_DOUBT_MS`; all others that are listed live. */
  readonly instances: readonly ListedInstance[];
  /** The store's clock. */
  readonly storeNowMs: number;
  /** The term of the server that was read, see server-term.ts. */
  readonly term: string | undefined;
}

export interface InstanceReader {
  /** All listed instances: the cost grows with them. */
  all(): Promise<Outcome<readonly ListedInstance[]>>;
  silent(): Promise<Outcome<SilentInstances>>;
  /** Returns which of them are listed. */
  listed(instanceIds: readonly string[]): Promise<Outcome<readonly string[]>>;
}

/** The dependencies of everything that reads instances and their rooms. */
export interface InstanceReads {
  readonly redis: RedisCommands;
  readonly keys: RedisKeys;
  readonly occupied: OccupiedRooms;
  readonly instances: InstanceReader;
}

export interface InstanceReaderDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'instances' | 'silent'>;
  readonly keys: RedisKeys;
  /** Absent in a process that sends no heartbeats. */
  readonly clock?: Pick<ClusterClock, 'leastAt'>;
}

type Reply = [clusterMs: string, storeMs: string, rows: string[]];

const MOST_LEFT_MS = String(ROSTER_LEASE_MS - ROSTER_DOUBT_MS);

export function createInstanceReader({ redis, scripts, keys, clock }: InstanceReaderDeps): InstanceReader {
  async function read(script: Script): Promise<Outcome<SilentInstances>> {
    let term: string | undefined;
    const reply = await redis.evaluate<Reply>(script, [keys.instances, ...keys.leases], (server) => {
      term = server.term;
      return [clock?.leastAt(server) ?? '', MOST_LEFT_MS];
    });
    if (!reply.ok) return reply;
    const [clusterMs, storeMs, rows] = reply.value;
    const instances = [];
    for (let index = 0; index < rows.length; index += 3) {
      const [instanceId = '', record = '', lease = ''] = rows.slice(index, index + 3);
      instances.push(parsed({ instanceId, record, lease }, Number(clusterMs), Number(storeMs)));
    }
    return succeed({ instances, storeNowMs: Number(storeMs), term });
  }

  return {
    async all() {
      const found = await read(scripts.instances);
      return found.ok ? succeed(found.value.instances) : found;
    },
    silent: () => read(scripts.silent),
    async listed(instanceIds) {
      const records = await redis.call<(string | null)[]>(['HMGET', keys.instances, ...instanceIds]);
      return records.ok ? succeed(instanceIds.filter((_, index) => records.value[index] !== null)) : records;
    },
  };
}

function parsed(
  { instanceId, record, lease }: { instanceId: string; record: string; lease: string },
  clusterNowMs: number,
  storeNowMs: number,
): ListedInstance {
  const [leaseByStore = '', clients = '', ...host] = record.split(' ');
  const lastHeartbeatAtMs = Math.max(0, Math.abs(Number(leaseByStore)) - ROSTER_LEASE_MS);
  // An instance of an earlier release has no lease before a worker of this release looks at it.
  const silentMs =
    lease === ''
      ? storeNowMs - lastHeartbeatAtMs
      : clusterNowMs - (Math.abs(Number(lease)) - ROSTER_LEASE_MS);
  const over = silentMs >= ROSTER_LEASE_MS;
  return {
    instanceId,
    alive: !over && !leaseByStore.startsWith('-'),
    expired: over && lease !== '',
    lease,
    reaped: clients === 'swept',
    lastHeartbeatAtMs,
    silentMs,
    vouchedFor: clients.endsWith('v'),
    // `?` and perhaps a number until its first heartbeat.
    clients: Number.parseInt(clients.replace('?', ''), 10) || 0,
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

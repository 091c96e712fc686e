import { ROSTER_LEASE_MS, type RosterCount } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';
import type { InstanceWatch } from './instance-watch.ts';
import { idOf, stretchOf } from './places.ts';

/** Places read at once: a longer page would hold every other call of Redis up. */
const PAGE = 1_000;

/** Of ZRANGEBYLEX. */
export type Bounds = readonly [min: string, max: string];

/** A worker process as roster-heartbeat.lua lists it. */
export interface ListedInstance {
  readonly instanceId: string;
  /** As it stands in the store. */
  readonly record: string;
  /** It counts: it has not been silent for a lease, and it was not fenced. */
  readonly alive: boolean;
  /**
   * It has certainly been silent for a lease. One that was fenced is given that long, for its primary reaps it; one that
   * was reaped as long again, for what it had still under way.
   */
  readonly expired: boolean;
  /** All it left was taken out: what it is listed with came too late. */
  readonly reaped: boolean;
  /** By the store's clock. */
  readonly lastHeartbeatAtMs: number;
  readonly silentMs: number;
  readonly clients: number;
  readonly host: string;
}

/** The listed instances; one process always asks with the same watch. */
export type ReadInstances = () => Promise<Outcome<ListedInstance[]>>;

export interface ReadInstancesDeps {
  readonly redis: RedisConnection;
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
    const silences = watch.look(instances);
    return succeed(
      instances.map(({ leaseEndMs, fenced, ...instance }, index) => {
        const { silentMs = 0, certainMs = 0 } = silences[index] ?? {};
        // Before all clocks began: taken away by hand.
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
  const [lease = '', clients, ...host] = record.split(' ');
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
    // `?` until its first heartbeat.
    clients: Number(clients) || 0,
    host: host.join(' '),
  };
}

/**
 * How many different users have connections on these instances, in all namespaces together, and how many connections. A
 * user is listed at once and connections are told with the instance's next heartbeat, so the two are of different moments:
 * the later one, of the users, decides whether anybody is there, and that nobody is there without a connection.
 */
export async function countPeople(
  redis: RedisConnection,
  keys: RedisKeys,
  instances: readonly ListedInstance[],
): Promise<Outcome<RosterCount>> {
  const users = await countDifferent(redis, keys, instances, stretchOf('inbox'), idOf);
  if (!users.ok) return users;
  const told = instances.reduce((sum, { clients }) => sum + clients, 0);
  return succeed({ users: users.value, clients: users.value === 0 ? 0 : Math.max(users.value, told) });
}

export function countRooms(redis: RedisConnection, keys: RedisKeys, instances: readonly ListedInstance[]) {
  return countDifferent(redis, keys, instances, stretchOf('room'), (place) => place);
}

async function countDifferent(
  redis: RedisConnection,
  keys: RedisKeys,
  instances: readonly ListedInstance[],
  bounds: Bounds,
  nameOf: (place: string) => string,
): Promise<Outcome<number>> {
  const seen = new Set<string>();
  const counted = await Promise.all(
    instances.map(({ instanceId }) =>
      eachPage(redis, keys, instanceId, bounds, (places) => {
        for (const place of places) seen.add(nameOf(place));
      }),
    ),
  );
  return counted.find((outcome) => !outcome.ok) ?? succeed(seen.size);
}

/** Goes through the places listed under an instance; each page is read once the last one was dealt with. */
export async function eachPage(
  redis: RedisConnection,
  keys: RedisKeys,
  instanceId: string,
  [min, max]: Bounds,
  deal: (places: readonly string[]) => unknown,
): Promise<Outcome<void>> {
  for (let from = min; ; ) {
    const query = ['ZRANGEBYLEX', keys.instancePlaces(instanceId), from, max, 'LIMIT', '0', String(PAGE)];
    const page = await redis.call<string[]>(query);
    if (!page.ok) return page;
    await deal(page.value);
    const last = page.value.at(-1);
    if (last === undefined || page.value.length < PAGE) return succeed(undefined);
    from = `(${last}`;
  }
}

/** The places listed under these instances within the bounds; at most `limit` of each instance. */
export async function listedOf(
  redis: RedisConnection,
  keys: RedisKeys,
  instances: readonly ListedInstance[],
  [min, max]: Bounds,
  limit: number,
): Promise<Outcome<string[]>> {
  const cut = ['LIMIT', '0', String(limit)];
  const listed = await Promise.all(
    instances.map(({ instanceId }) =>
      redis.call<string[]>(['ZRANGEBYLEX', keys.instancePlaces(instanceId), min, max, ...cut]),
    ),
  );
  const places: string[][] = [];
  for (const answer of listed) {
    if (!answer.ok) return answer;
    places.push(answer.value);
  }
  return succeed(places.flat());
}

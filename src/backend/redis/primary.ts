import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterOverview } from '../../chat/roster.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import {
  BackendError,
  type BackendOptions,
  type PrimaryBackend,
  type PrimaryBackendDeps,
} from '../backend.ts';
import { type Warnings, watchWarnings } from '../warnings.ts';
import { agreeOnFormat } from './connection/format.ts';
import { openRedisTarget } from './connection/open-target.ts';
import {
  fieldOf,
  NO_MASTER,
  openRedisConnection,
  type RedisConnection,
} from './connection/redis-connection.ts';
import { openStartCheck, type StartCheck } from './connection/start-check.ts';
import type { RedisTarget } from './connection/target.ts';
import { redisKeys } from './keys.ts';
import { createInstanceWatch } from './presence/instance-watch.ts';
import { countPeople, createReadInstances, idsOf } from './presence/instances.ts';
import { createOccupiedRooms, rangeOf } from './presence/occupied-rooms.ts';
import { openScripts } from './scripts.ts';

export interface RedisPrimaryDeps extends PrimaryBackendDeps {
  /** The longest wait for a Redis that is still starting. */
  readonly patienceMs?: number;
  /** The time between two looks for warnings. */
  readonly warningsEveryMs?: number;
}

const PATIENCE_MS = 10_000;
const LOG_EVERY_MS = 1_000;
const LOADING_RETRY_MS = 500;
const OLDEST_MAJOR = 7;
/** Trying again changes nothing: wrong credentials, or a Redis that knows no HELLO (before 6.0). */
const FINAL = /^(WRONGPASS|NOAUTH)|unknown command|invalid password|DB index is out of range/i;
const NOT_ALLOWED = /^NOPERM/;

/** Connects and checks that this Redis can be used; throws a `BackendError` that tells the operator why not. */
export async function openRedisPrimary(deps: RedisPrimaryDeps): Promise<PrimaryBackend> {
  const { options, log, patienceMs = PATIENCE_MS } = deps;
  const target = openRedisTarget(options, log);
  const keys = redisKeys(options.keyPrefix, target.database);
  const scripts = openScripts();
  const redis = openRedisConnection({ target, scripts: [scripts.instances, scripts.markFormat], log });
  const readInstances = createReadInstances({
    redis,
    script: scripts.instances,
    keys,
    watch: createInstanceWatch(() => performance.now()),
  });
  const occupied = createOccupiedRooms(redis, keys);
  let warnings: Warnings;
  let predecessors: string[];
  try {
    await awaitRedis(redis, target, patienceMs, log);
    await checkFit(redis, target, options);
    // A Redis that takes no writes now is marked by the workers later.
    await agreeOnFormat({ redis, key: keys.format, mark: scripts.markFormat, shown: target.shown });
    const look = () => lookForWarnings(target, options);
    warnings = watchWarnings({ first: (await look()) ?? [], look, everyMs: deps.warningsEveryMs, log });
    const listed = await readInstances();
    predecessors = listed.ok
      ? listed.value.filter(({ host }) => host === deps.host).map(({ instanceId }) => instanceId)
      : [];
  } catch (error) {
    await closeAll();
    throw error;
  }

  async function closeAll(): Promise<void> {
    await redis.close();
    target.close();
  }

  async function overview(): Promise<Outcome<ClusterOverview>> {
    const listed = await readInstances();
    if (!listed.ok) return listed;
    const alive = listed.value.filter((one) => one.alive);
    const [people, rooms] = await Promise.all([
      countPeople(occupied, alive),
      occupied.countDifferent(idsOf(alive), rangeOf('room')),
    ]);
    if (!people.ok) return people;
    if (!rooms.ok) return rooms;
    return succeed({
      hosts: new Set(alive.map((one) => one.host)).size,
      workers: alive.length,
      ...people.value,
      rooms: rooms.value,
    });
  }

  return {
    // Workers reach Redis themselves.
    serve: () => undefined,
    overview,
    check: async () => {
      const ping = await redis.call(['PING']);
      return ping.ok ? succeed(undefined) : ping;
    },
    async agreeOnApiKey(offered) {
      // Hosts that start at the same moment must agree on one key.
      const stored = await redis.call<string | null>(['SET', keys.apiKey, offered, 'NX', 'GET']);
      return stored.ok ? succeed(stored.value ?? offered) : stored;
    },
    predecessors,
    get warnings() {
      return warnings.current();
    },
    close() {
      warnings.close();
      return closeAll();
    },
  };
}

/** Throws a `BackendError` that tells the operator why this Redis cannot be used. */
async function checkFit(
  redis: RedisConnection,
  target: RedisTarget,
  { keyPrefix, ackReplicas = 0 }: BackendOptions,
): Promise<void> {
  const address = target.address();
  if (!address) throw new BackendError(`Redis at ${target.shown} cannot be used: no server is known`);
  const keys = redisKeys(keyPrefix, address.database);
  const server = redis.server();
  // An older version lacks half of the commands to try.
  if (server) requireVersion(server.version, address.shown);
  const check = await openStartCheck({ address, keyPrefix, keys, waits: ackReplicas > 0 });
  try {
    await check.requireFit();
  } finally {
    check.close();
  }
}

/** Returns what the operator should know about this Redis, or undefined if it does not say. */
async function lookForWarnings(
  target: RedisTarget,
  { keyPrefix, ackReplicas = 0 }: BackendOptions,
): Promise<string[] | undefined> {
  const address = target.address();
  if (!address) return undefined;
  const check = await openStartCheck({
    address,
    keyPrefix,
    keys: redisKeys(keyPrefix, address.database),
    waits: false,
  });
  try {
    return await durabilityWarnings(check, ackReplicas);
  } finally {
    check.close();
  }
}

async function awaitRedis(
  redis: RedisConnection,
  target: RedisTarget,
  patienceMs: number,
  log: PrimaryBackendDeps['log'],
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const sliceMs = Math.max(0, Math.min(LOG_EVERY_MS, giveUpAt - performance.now()));
    const loading = (await redis.usable(sliceMs)) ? await isLoading(redis) : undefined;
    if (loading === false) return;
    const cause = loading ? 'it is still loading its data' : causeOf(redis.problem());
    // The start check finds out which right is missing, or where the master is.
    if (NOT_ALLOWED.test(cause) || (redis.problem() === NO_MASTER && !target.moves)) return;
    if (FINAL.test(cause)) {
      throw new BackendError(
        `Redis at ${target.shown} refused the connection: ${cause}. Check the user, password and database in REDIS_URL, and that it is Redis ${OLDEST_MAJOR}.0 or later`,
      );
    }
    if (performance.now() >= giveUpAt) {
      throw new BackendError(
        `Redis at ${target.shown} cannot be used: ${cause}. Start it or correct REDIS_URL; without REDIS_URL Roomcast runs on one machine with its own store`,
      );
    }
    log.warn({ redis: target.shown, cause }, 'redis: not reachable yet');
    if (loading) await delay(LOADING_RETRY_MS);
  }
}

/** A Redis that loads its data accepts connections and replies to INFO, but to nothing else. */
async function isLoading(redis: RedisConnection): Promise<boolean> {
  const info = await redis.call<string>(['INFO', 'persistence']);
  return !info.ok || fieldOf(info.value, 'loading') !== '0';
}

/** Node's errors for a host with several addresses have no message of their own. */
function causeOf(problem: unknown): string {
  if (problem instanceof AggregateError) return problem.errors.map(causeOf).join(', ');
  return problem instanceof Error ? problem.message : 'no answer';
}

function requireVersion(version: string, shown: string): void {
  if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return;
  throw new BackendError(
    `Redis at ${shown} is version ${version || 'unknown'}, but Roomcast needs Redis ${OLDEST_MAJOR}.0 or later (sharded publish/subscribe). Upgrade it, or point REDIS_URL at another`,
  );
}

/** It relies on INFO, since hosted services reject CONFIG. */
async function durabilityWarnings({ ask }: StartCheck, ackReplicas: number): Promise<string[] | undefined> {
  const info = await ask(['INFO']);
  if ('refused' in info) return undefined;
  const field = (name: string) => fieldOf(String(info.value), name);
  const warnings = [];
  if (field('aof_enabled') === '0') {
    warnings.push(
      'Redis runs with `appendonly no`: a restart of Redis loses acked messages. Set `appendonly yes`.',
    );
  }
  // A rejected CONFIG gives no warning. A Redis with `everysec` replies before it writes while a background sync is
  // slow: with syncs slowed to 800 ms a kill -9 of Redis took up to 1,786 of 18,000 acked messages.
  const config = await ask(['CONFIG', 'GET', 'appendfsync']);
  const sync =
    'value' in config ? (config.value as { readonly appendfsync?: string }).appendfsync : undefined;
  if (field('aof_enabled') !== '0' && (sync === 'everysec' || sync === 'no')) {
    warnings.push(
      `Redis runs with \`appendfsync ${sync}\`: when Redis is killed or loses power, the newest acked messages may be lost. Set \`appendfsync always\`.`,
    );
  }
  if (Number(field('maxmemory')) > 0 && field('maxmemory_policy') !== 'noeviction') {
    warnings.push(
      `Redis may evict rooms when memory is full (maxmemory-policy ${field('maxmemory_policy')}). Set \`maxmemory-policy noeviction\`.`,
    );
  }
  const replicas = Number(field('connected_slaves'));
  if (replicas < ackReplicas) {
    warnings.push(
      `ACK_REPLICAS is ${ackReplicas}, but Redis has ${replicas} replicas: no message is acknowledged until it has as many.`,
    );
  }
  return warnings;
}

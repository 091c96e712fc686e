import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { BackendError, type BackendOptions } from '../../backend.ts';
import { fieldOf } from '../connection/info.ts';
import { createMemoryWatch, type MemoryWatch, NEARLY_FULL_REDIS } from '../connection/memory-watch.ts';
import { NO_MASTER, type RedisConnection } from '../connection/redis-connection.ts';
import { addressSetting, userSetting } from '../connection/setting-names.ts';
import { openStartCheck, ReplicaError, type StartCheck } from '../connection/start-check.ts';
import type { RedisTarget } from '../connection/target.ts';
import type { RedisKeys } from '../keys.ts';
import { serverName } from './server-names.ts';
import { requireSameServers } from './spread-record.ts';
import type { RedisTopology, TopologyNode } from './topology.ts';

/** A server as the primary uses it. */
export interface PrimaryNode extends TopologyNode {
  readonly target: RedisTarget;
}

export interface RequiredServersDeps {
  readonly topology: RedisTopology<PrimaryNode>;
  readonly options: BackendOptions;
  readonly keys: RedisKeys;
  /** The longest wait for a Redis that is still starting. */
  readonly patienceMs: number;
  /** Leaves nothing behind, see `RedisPrimaryDeps`. */
  readonly examines?: boolean;
  readonly log: Logger;
}

const LOG_EVERY_MS = 1_000;
const LOADING_RETRY_MS = 500;
const REPLICA_RETRY_MS = 250;
const OLDEST_MAJOR = 7;
/** Trying again changes nothing: wrong credentials, or a Redis that knows no HELLO (before 6.0). */
const FINAL = /^(WRONGPASS|NOAUTH)|unknown command|invalid password|DB index is out of range/i;
const NOT_ALLOWED = /^NOPERM/;

/** Waits until all servers can be used, or throws a `BackendError` that tells the operator why one cannot. */
export async function requireServers(deps: RequiredServersDeps): Promise<void> {
  const { topology, options, keys, patienceMs } = deps;
  const giveUpAt = performance.now() + patienceMs;
  if (options.redisClusterNodes && !(await topology.known(patienceMs))) {
    throw new BackendError(
      `the Redis Cluster at ${topology
        .nodes()
        .map(({ target }) => target.shown)
        .join(
          ', ',
        )} cannot be used: ${causeOf(problemOf(topology))}. Start it or correct REDIS_CLUSTER_NODES`,
    );
  }
  const nodes = topology.nodes();
  await Promise.all(nodes.map((node) => awaitServer(node, giveUpAt, deps)));
  await Promise.all(nodes.map((node) => requireFit(node, giveUpAt, deps)));
  if (!options.redisClusterNodes) {
    const named = nodes.map(({ target, commands }) => ({ name: serverName(target), commands }));
    await requireSameServers(named, keys, { record: !deps.examines });
  }
}

function problemOf(topology: RedisTopology<PrimaryNode>): unknown {
  const away = topology.nodes().find(({ commands }) => !commands.server());
  return away ? away.commands.problem() : new Error('not all of its slots have a server');
}

/**
 * Returns a function that tells what the operator should know about the servers, or undefined if none of them ever said. The
 * last warnings of a server stand while it does not answer.
 */
export function createWarningLook(
  topology: RedisTopology<PrimaryNode>,
  options: BackendOptions,
  keys: RedisKeys,
): () => Promise<string[] | undefined> {
  const last = new WeakMap<PrimaryNode, string[]>();
  const memory = new WeakMap<PrimaryNode, MemoryWatch>();

  function memoryOf(node: PrimaryNode): MemoryWatch {
    const watch = memory.get(node) ?? createMemoryWatch();
    memory.set(node, watch);
    return watch;
  }

  async function look(node: PrimaryNode): Promise<string[] | undefined> {
    const warnings = (await warningsOf(node, options, keys, memoryOf(node))) ?? last.get(node);
    if (warnings) last.set(node, warnings);
    return warnings;
  }

  return async () => {
    const looks = await Promise.all(topology.nodes().map(look));
    const known = looks.filter((warnings) => warnings !== undefined);
    return known.length === 0 ? undefined : [...new Set(known.flat())];
  };
}

async function warningsOf(
  { target }: PrimaryNode,
  options: BackendOptions,
  keys: RedisKeys,
  memory: MemoryWatch,
): Promise<string[] | undefined> {
  const address = target.address();
  if (!address) return undefined;
  const check = await openStartCheck({ address, options, keys, waits: false });
  try {
    return await serverWarnings(check, options.ackReplicas ?? 0, memory);
  } finally {
    check.close();
  }
}

/** During a failover, a server may become a replica after it was found to be the master: then the next master is awaited. */
async function requireFit(node: PrimaryNode, giveUpAt: number, deps: RequiredServersDeps): Promise<void> {
  for (;;) {
    try {
      await checkFit(node, deps);
      return;
    } catch (error) {
      const mayMove = error instanceof ReplicaError && node.target.moves && performance.now() < giveUpAt;
      if (!mayMove) throw error;
      deps.log.warn({ redis: node.target.shown, cause: error.message }, 'redis: not reachable yet');
    }
    node.target.recheck();
    await delay(REPLICA_RETRY_MS);
    await awaitServer(node, giveUpAt, deps);
  }
}

/** Throws a `BackendError` that tells the operator why this server cannot be used. */
async function checkFit(
  { commands, target }: PrimaryNode,
  { options, keys }: Pick<RequiredServersDeps, 'options' | 'keys'>,
): Promise<void> {
  const address = target.address();
  if (!address) throw new BackendError(`Redis at ${target.shown} cannot be used: no server is known`);
  const server = commands.server();
  // An older version lacks half of the commands to try.
  if (server) requireVersion(server.version, address.shown, options);
  const check = await openStartCheck({ address, options, keys, waits: (options.ackReplicas ?? 0) > 0 });
  try {
    await check.requireFit();
  } finally {
    check.close();
  }
}

async function awaitServer(
  { commands: redis, target }: PrimaryNode,
  giveUpAt: number,
  { options, log }: Pick<RequiredServersDeps, 'options' | 'log'>,
): Promise<void> {
  const setting = addressSetting(options);
  for (;;) {
    const sliceMs = Math.max(0, Math.min(LOG_EVERY_MS, giveUpAt - performance.now()));
    const loading = (await redis.usable(sliceMs)) ? await isLoading(redis) : undefined;
    if (loading === false) return;
    const cause = loading ? 'it is still loading its data' : causeOf(redis.problem());
    // The start check finds out which right is missing, or where the master is.
    if (NOT_ALLOWED.test(cause) || (redis.problem() === NO_MASTER && !target.moves)) return;
    if (FINAL.test(cause)) {
      throw new BackendError(
        `Redis at ${target.shown} refused the connection: ${cause}. Check the user, password and database in ${userSetting(options)}, and that it is Redis ${OLDEST_MAJOR}.0 or later`,
      );
    }
    if (performance.now() >= giveUpAt) {
      throw new BackendError(
        `Redis at ${target.shown} cannot be used: ${cause}. Start it or correct ${setting}; without Redis in its settings Roomcast runs on one machine with its own store`,
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

function requireVersion(version: string, shown: string, options: BackendOptions): void {
  if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return;
  throw new BackendError(
    `Redis at ${shown} is version ${version || 'unknown'}, but Roomcast needs Redis ${OLDEST_MAJOR}.0 or later (sharded publish/subscribe). Upgrade it, or point ${addressSetting(options)} at another`,
  );
}

/** It relies on INFO, since hosted services reject CONFIG. */
async function serverWarnings(
  { ask }: StartCheck,
  ackReplicas: number,
  memory: MemoryWatch,
): Promise<string[] | undefined> {
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
  memory.note(String(info.value));
  if (memory.isNearlyFull()) warnings.push(NEARLY_FULL_REDIS);
  const replicas = Number(field('connected_slaves'));
  if (replicas < ackReplicas) {
    warnings.push(
      `ACK_REPLICAS is ${ackReplicas}, but Redis has ${replicas} replicas: no message is acknowledged until it has as many.`,
    );
  }
  return warnings;
}

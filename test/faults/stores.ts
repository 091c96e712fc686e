import { openRedisCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import { openWatchedRedis, type WatchedRedis } from '../support/sentinels.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/**
 * One Redis, a master with a replica and three Sentinels, a Redis Cluster of three masters with a replica each, or three plain
 * servers (REDIS_URLS). With `-acks`, ACK_REPLICAS is 1.
 */
export type StoreKind = 'single' | 'sentinel' | 'sentinel-acks' | 'cluster' | 'cluster-acks' | 'servers';

/** The store of a stage's hosts. */
export interface StageStore {
  /** The only server, or the first of several. */
  readonly redis: RedisProcess;
  readonly watched?: WatchedRedis;
  readonly cluster?: RedisCluster;
  readonly servers?: PlainServers;
  /** Between the first host and the only server. The second host dials the server itself. */
  readonly redisProxy?: TcpProxy;
  /** The settings by which a host finds the store when it starts. */
  env(host: number): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** The servers of REDIS_URLS. */
export interface PlainServers {
  readonly all: readonly RedisProcess[];
  /** The value of REDIS_URLS. */
  urls(): string;
  /** Starts one more. Hosts that are started from now on name it, too. */
  add(): Promise<void>;
}

const PLAIN_SERVERS = 3;
/** Also one that was away while its master took writes. */
const ANY_REPLICA_TAKES_OVER = ['--cluster-replica-validity-factor', '0'];

export async function openStore(kind: StoreKind): Promise<StageStore> {
  const acks: Record<string, string> = kind.endsWith('-acks') ? { ACK_REPLICAS: '1' } : {};
  if (kind === 'servers') return openPlainServers();
  if (kind === 'cluster' || kind === 'cluster-acks') {
    const cluster = await openRedisCluster({ replicas: 1, settings: ANY_REPLICA_TAKES_OVER });
    const [redis] = cluster.masters;
    const env = { REDIS_CLUSTER_NODES: cluster.addresses.join(), ...acks };
    return { redis: redis as RedisProcess, cluster, env: () => env, close: cluster.close };
  }
  if (kind === 'sentinel' || kind === 'sentinel-acks') {
    const watched = await openWatchedRedis();
    const env = {
      REDIS_URL: 'redis://sentinel',
      REDIS_SENTINELS: watched.sentinels.join(),
      REDIS_SENTINEL_NAME: watched.name,
      ...acks,
    };
    return { redis: watched.servers[0], watched, env: () => env, close: watched.close };
  }
  const redis = await openRedis();
  const redisProxy = await openTcpProxy(redis);
  return {
    redis,
    redisProxy,
    env: (host) => ({ REDIS_URL: host === 0 ? `redis://127.0.0.1:${redisProxy.port}` : redis.url }),
    async close() {
      await redisProxy.close();
      await redis.close();
    },
  };
}

async function openPlainServers(): Promise<StageStore> {
  const all = await Promise.all(Array.from({ length: PLAIN_SERVERS }, () => openRedis()));
  const urls = () => all.map(({ url }) => url).join();
  return {
    redis: all[0] as RedisProcess,
    servers: {
      all,
      urls,
      async add() {
        all.push(await openRedis());
      },
    },
    env: () => ({ REDIS_URLS: urls() }),
    async close() {
      await Promise.all(all.map((server) => server.close()));
    },
  };
}

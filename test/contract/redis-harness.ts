import { randomUUID } from 'node:crypto';
import { type Logger, pino } from 'pino';
import { expect, onTestFinished } from 'vitest';
import type { BackendOptions } from '../../src/backend/backend.ts';
import type { OnFrameDropped } from '../../src/backend/dropped-frames.ts';
import { aclRules } from '../../src/backend/redis/connection/rights.ts';
import { redisKeys } from '../../src/backend/redis/keys.ts';
import type { Scripts } from '../../src/backend/redis/scripts.ts';
import { openRedisWorker } from '../../src/backend/redis/worker.ts';
import type { OnRedisReply } from '../../src/backend/redis-calls.ts';
import { eventually } from '../support/eventually.ts';
import { clusterFormed, openRedisCluster } from '../support/redis-cluster.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import { createIpcPair } from './ipc-pair.ts';
import { STORE_OPTIONS } from './store-options.ts';
import type { Harness, Peer } from './suite.ts';

export const silent: Logger = pino({ level: 'silent' });

export function redisOptions(redisUrl: string, options: Partial<BackendOptions> = {}): BackendOptions {
  return { ...STORE_OPTIONS, dataDir: '', redisUrl, ...options };
}

export interface PeerSettings extends Partial<BackendOptions> {
  readonly host?: string;
  readonly log?: Logger;
  readonly elapsedMs?: () => number;
  readonly scripts?: Scripts;
  readonly onRedisReply?: OnRedisReply;
  readonly onFrameDropped?: OnFrameDropped;
}

export function openRedisPeer(redisUrl: string, settings: PeerSettings = {}): Promise<Peer> {
  return openPeer({ redisUrl, ...settings });
}

/** A worker over the servers that the settings name. */
export async function openPeer(settings: PeerSettings): Promise<Peer> {
  const {
    host = 'test',
    log = silent,
    elapsedMs,
    scripts,
    onRedisReply,
    onFrameDropped,
    ...options
  } = settings;
  const instanceId = randomUUID();
  const { primary } = createIpcPair(0, instanceId);
  const worker = await openRedisWorker({
    options: { ...STORE_OPTIONS, dataDir: '', ...options },
    instanceId,
    host,
    primary,
    ...(elapsedMs && { elapsedMs }),
    ...(scripts && { scripts }),
    ...(onRedisReply && { onRedisReply }),
    ...(onFrameDropped && { onFrameDropped }),
    // So that calls are gathered for some ms.
    saturation: { level: () => 0.25, spared: () => undefined },
    log,
  });
  return { ...worker, instanceId };
}

/** On a busy machine a worker may start before it is connected to every server. */
export async function openConnectedPeer(settings: PeerSettings): Promise<Peer> {
  const peer = await openPeer(settings);
  await eventually(async () => expect(await peer.bus.probe()).toMatchObject({ ok: true }));
  return peer;
}

/** A Redis of its own for the running test. */
export async function redisForTest(settings?: readonly string[], configFile?: string): Promise<RedisProcess> {
  const redis = await openRedis(settings, configFile);
  onTestFinished(() => redis.close());
  return redis;
}

const MARKS = [redisKeys('rc').format, redisKeys('rc').dataMark('')];

/** All keys but the marks of the data and its format, which a worker sets at some time after its start and which stay for good. */
export async function dataKeysIn(redis: Pick<RedisProcess, 'ask'>): Promise<string[]> {
  const lines = (await redis.ask('KEYS *')).split('\r\n');
  return lines.filter((line) => line.startsWith('rc:') && !MARKS.includes(line));
}

/** Counts the calls of a command since the last `CONFIG RESETSTAT`, those of scripts included. */
export async function callsOf(redis: Pick<RedisProcess, 'ask'>, command: string): Promise<number> {
  const stats = await redis.ask('INFO commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

const [LEASES] = redisKeys('rc').leases;

/** Lets the lease of an instance end now. */
export async function endLease(redis: Pick<RedisProcess, 'ask'>, instanceId: string): Promise<void> {
  const before = await redis.ask(`ZSCORE ${LEASES} ${instanceId}`);
  const isFenced = before.split('\r\n')[1]?.startsWith('-');
  await redis.ask(`ZADD ${LEASES} ${isFenced ? -1 : 1} ${instanceId}`);
}

export async function peerForTest(redisUrl: string, settings?: PeerSettings): Promise<Peer> {
  const peer = await openRedisPeer(redisUrl, settings);
  onTestFinished(() => peer.close());
  return peer;
}

/** A user with exactly the rights that Roomcast needs. */
export const ALLOWED = ['on', '>granted', ...aclRules('rc')];

/** Without +scan, a worker can do all but list rooms by their logs. */
const USER = ['--user', 'roomcast', ...ALLOWED, '+scan'];
const BUS_SECRETS = ['s'.repeat(32)];
const asUser = (url: string) => url.replace('//', '//roomcast:granted@');

export async function redisHarness(): Promise<Harness> {
  const redis = await openRedis(USER);
  return harnessOver([redis], { redisUrl: asUser(redis.url) });
}

export async function severalServersHarness(): Promise<Harness> {
  const servers = await Promise.all([openRedis(USER), openRedis(USER), openRedis(USER)]);
  return harnessOver(servers, { redisUrls: servers.map(({ url }) => asUser(url)) });
}

export async function redisClusterHarness(): Promise<Harness> {
  const cluster = await openRedisCluster({ settings: [...USER, '+asking', '+cluster|nodes'] });
  const redisClusterNodes = cluster.addresses.map((address) => `redis://roomcast:granted@${address}`);
  return harnessOver(cluster.masters, { redisClusterNodes });
}

function harnessOver(servers: readonly RedisProcess[], where: Partial<BackendOptions>): Harness {
  const peers = new Set<Peer>();

  async function closePeers(): Promise<void> {
    await Promise.all([...peers].map((peer) => peer.close()));
  }

  return {
    async open(options) {
      const opened = await openConnectedPeer({ ...where, busSecrets: BUS_SECRETS, ...options });
      // Nothing is kept of the peers that a long test closed itself.
      const peer: Peer = {
        ...opened,
        close() {
          peers.delete(peer);
          return opened.close();
        },
      };
      peers.add(peer);
      return peer;
    },
    async endLease(instanceId) {
      const listed = await Promise.all(servers.map((server) => server.ask('EXISTS rc:boots')));
      const owner = servers[listed.findIndex((reply) => reply.startsWith(':1'))];
      if (!owner) throw new Error('no server lists instances');
      // A later reap of what was reaped before begins anew, as long as a test goes on with a dead worker.
      await owner.ask(`HSET rc:boots ${instanceId} "1 0 test"`);
      await owner.ask(`ZADD ${LEASES} 1 ${instanceId}`);
    },
    async restart() {
      await closePeers();
      await Promise.all(servers.map((server) => server.stop()));
      await Promise.all(servers.map((server) => server.start()));
      if (where.redisClusterNodes) await clusterFormed(servers);
    },
    async close() {
      await closePeers();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

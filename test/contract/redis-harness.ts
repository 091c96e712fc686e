import { randomUUID } from 'node:crypto';
import { type Logger, pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { BackendOptions } from '../../src/backend/backend.ts';
import { aclRules } from '../../src/backend/redis/connection/rights.ts';
import type { Scripts } from '../../src/backend/redis/scripts.ts';
import { openRedisWorker } from '../../src/backend/redis/worker.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import { createIpcPair } from './ipc-pair.ts';
import type { Harness, Peer } from './suite.ts';

export const silent: Logger = pino({ level: 'silent' });

export function redisOptions(redisUrl: string, options: Partial<BackendOptions> = {}): BackendOptions {
  return {
    redisUrl,
    keyPrefix: 'rc',
    dataDir: '',
    historySize: 1_000,
    historyTtlS: 3_600,
    inboxSize: 1_000,
    inboxTtlS: 3_600,
    maxRoomClients: 0,
    dedupeTtlS: 600,
    rateAdmit: 0,
    ...options,
  };
}

export interface PeerSettings extends Partial<BackendOptions> {
  readonly host?: string;
  readonly log?: Logger;
  readonly elapsedMs?: () => number;
  readonly scripts?: Scripts;
}

export async function openRedisPeer(redisUrl: string, settings: PeerSettings = {}): Promise<Peer> {
  const { host = 'test', log = silent, elapsedMs, scripts, ...options } = settings;
  const instanceId = randomUUID();
  const { primary } = createIpcPair(0, instanceId);
  const worker = await openRedisWorker({
    options: redisOptions(redisUrl, options),
    instanceId,
    host,
    primary,
    ...(elapsedMs && { elapsedMs }),
    ...(scripts && { scripts }),
    // So that calls are gathered for some ms.
    utilization: () => 0.1,
    log,
  });
  return { ...worker, instanceId };
}

/** A Redis of its own for the running test. */
export async function redisForTest(settings?: readonly string[], configFile?: string): Promise<RedisProcess> {
  const redis = await openRedis(settings, configFile);
  onTestFinished(() => redis.close());
  return redis;
}

export async function peerForTest(redisUrl: string, settings?: PeerSettings): Promise<Peer> {
  const peer = await openRedisPeer(redisUrl, settings);
  onTestFinished(() => peer.close());
  return peer;
}

/** A user with exactly the rights that Roomcast needs. */
export const ALLOWED = ['on', '>granted', ...aclRules('rc')];

export async function redisHarness(): Promise<Harness> {
  const redis = await openRedis(['--user', 'roomcast', ...ALLOWED]);
  const url = redis.url.replace('//', '//roomcast:granted@');
  const peers = new Set<Peer>();

  async function closePeers(): Promise<void> {
    await Promise.all([...peers].map((peer) => peer.close()));
  }

  return {
    async open(options) {
      const opened = await openRedisPeer(url, options);
      // Of those a long test closed itself nothing is kept.
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
      await redis.ask(`HSET rc:boots ${instanceId} "1 0 test"`);
    },
    async restart() {
      await closePeers();
      await redis.stop();
      await redis.start();
    },
    async close() {
      await closePeers();
      await redis.close();
    },
  };
}

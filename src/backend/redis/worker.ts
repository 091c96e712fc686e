import { randomBytes } from 'node:crypto';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { WorkerBackend, WorkerBackendDeps } from '../backend.ts';
import { createRedisAdapter } from './adapter.ts';
import { createRedisBus } from './bus/bus.ts';
import { openSubscriber } from './bus/subscriber.ts';
import { createCallPacing } from './connection/call-pacing.ts';
import { agreeOnFormat, createFormatCheck } from './connection/format.ts';
import { openRedisTarget } from './connection/open-target.ts';
import { openRedisConnection } from './connection/redis-connection.ts';
import { openReplicaAcks } from './connection/replica-acks.ts';
import { createRightsCheck } from './connection/rights-check.ts';
import { redisKeys } from './keys.ts';
import { createRedisAppend } from './log/append.ts';
import { createEpochArgs } from './log/epochs.ts';
import { createRedisIdempotency } from './log/idempotency.ts';
import { createRedisLogs } from './log/logs.ts';
import { createRedisModeration } from './moderation/moderation.ts';
import { allValues } from './outcomes.ts';
import { createRedisConnectQueue } from './people/connect-queue.ts';
import { createRedisInboxes } from './people/inboxes.ts';
import { createRedisPushes } from './people/pushes.ts';
import { createRedisRoomSubscriptions } from './people/room-subscriptions.ts';
import { createRedisRoster } from './presence/roster.ts';
import { createWriteCheck } from './presence/write-check.ts';
import { createRetention } from './retention.ts';
import { openScripts, type Scripts } from './scripts.ts';

/** The primary has checked that Redis is there. A worker respawned while Redis is away starts without it and logs that. */
const FIRST_CONNECT_MS = 5_000;

export interface RedisWorkerDeps extends WorkerBackendDeps {
  /** A clock that cannot be set, in ms. */
  readonly elapsedMs?: () => number;
  readonly scripts?: Scripts;
}

export async function openRedisWorker(deps: RedisWorkerDeps): Promise<WorkerBackend> {
  const { options, instanceId, host, log } = deps;
  const { elapsedMs = () => performance.now(), scripts = openScripts() } = deps;
  const target = openRedisTarget(options, log);
  const keys = redisKeys(options.keyPrefix, target.database);
  const pacing = createCallPacing({ now: () => performance.now(), utilization: deps.utilization });
  const redis = openRedisConnection({ target, scripts: Object.values(scripts), log, pacing });
  const subscriber = openSubscriber({ target, log });
  const { subscriptions, reconnect } = subscriber;
  const bus = createRedisBus({
    redis,
    subscriptions,
    keys,
    probeChannel: keys.probe(instanceId),
    reconnect,
  });

  const { dedupeTtlS, maxRoomClients, ackReplicas = 0 } = options;
  const acks = ackReplicas > 0 ? openReplicaAcks({ target, replicas: ackReplicas, log }) : undefined;
  const opened = [redis, subscriber, ...(acks ? [acks] : [])];
  const there = await Promise.all(opened.map((one) => one.usable(FIRST_CONNECT_MS)));
  if (there.includes(false)) {
    log.warn(
      { redis: target.shown, err: redis.problem() },
      'redis: not reachable at the start; this worker keeps trying',
    );
  }

  const formatDeps = { redis, key: keys.format, mark: scripts.markFormat, shown: target.shown };
  const checkFormat = createFormatCheck({ ...formatDeps, term: () => redis.server()?.term });

  async function close(): Promise<void> {
    subscriber.close();
    await Promise.all([redis.close(), acks?.close()]);
    target.close();
  }

  try {
    if (!there.includes(false)) await agreeOnFormat(formatDeps);
  } catch (error) {
    await close();
    throw error;
  }

  async function secret(): Promise<Outcome<string>> {
    const fresh = randomBytes(32).toString('base64url');
    const kept = await redis.call<string | null>(['SET', keys.secret, fresh, 'NX', 'GET']);
    return kept.ok ? succeed(kept.value ?? fresh) : kept;
  }

  const checkRights = createRightsCheck({ redis, keyPrefix: options.keyPrefix, keys });
  const retention = createRetention(options);
  const epochArgs = createEpochArgs(retention);
  const writes = createRedisAppend({
    redis,
    scripts,
    keys,
    epochArgs,
    retention,
    dedupeTtlS,
    ...(acks && { replicated: acks.wait }),
  });
  const roster = createRedisRoster({
    redis,
    scripts,
    keys,
    instanceId,
    host,
    log,
    maxRoomClients,
    now: elapsedMs,
  });
  const writeCheck = createWriteCheck(roster.heartbeat, elapsedMs);
  return {
    logs: createRedisLogs({ redis, scripts, keys, epochArgs, writes }),
    bus,
    roster: { ...roster, heartbeat: writeCheck.heartbeat },
    inboxes: createRedisInboxes({ redis, scripts, keys, retention, writes }),
    pushes: createRedisPushes({ redis, script: scripts.findPush, keys, options }),
    idempotency: createRedisIdempotency({ redis, scripts, keys, dedupeTtlS }),
    connects: createRedisConnectQueue({ redis, scripts, keys, rateAdmit: options.rateAdmit }),
    moderation: createRedisModeration({ redis, scripts, keys }),
    roomSubscriptions: createRedisRoomSubscriptions({ redis, scripts, keys, retention }),
    adapter: createRedisAdapter({ redis, subscriptions, channelPrefix: keys.channelPrefix }),
    secret,
    check: async () => {
      // All run at once, because each alone may take until the deadline of a call.
      const checks = [redis.call<unknown>(['PING']), checkRights(), checkFormat(), writeCheck.check()];
      const checked = await allValues<unknown>(checks);
      return checked.ok ? succeed(undefined) : checked;
    },
    close,
  };
}

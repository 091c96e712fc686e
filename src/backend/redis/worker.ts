import { randomBytes } from 'node:crypto';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { WorkerBackend, WorkerBackendDeps } from '../backend.ts';
import { createRedisAdapter } from './adapter.ts';
import { createRedisBus } from './bus/bus.ts';
import { createDropReport } from './bus/drop-report.ts';
import { createCallPacing } from './connection/call-pacing.ts';
import type { RedisCommands } from './connection/commands.ts';
import { away } from './connection/failures.ts';
import { agreeOnFormat, createFormatGate } from './connection/format.ts';
import { createRedisHookQueue } from './hooks/hook-queue.ts';
import { redisKeys } from './keys.ts';
import { createRedisAppend } from './log/append.ts';
import { createEpochArgs } from './log/epochs.ts';
import { createRedisIdempotency } from './log/idempotency.ts';
import { createRedisLoggedRooms } from './log/logged-rooms.ts';
import { createRedisLogs } from './log/logs.ts';
import { createRedisRoomReaders } from './log/room-readers.ts';
import { createRedisModeration } from './moderation/moderation.ts';
import { createRedisBlocks } from './people/blocks.ts';
import { createRedisConnectQueue } from './people/connect-queue.ts';
import { createRedisInboxes } from './people/inboxes.ts';
import { createRedisMentionNotes } from './people/mention-notes.ts';
import { createRedisPushes } from './people/pushes.ts';
import { createRedisRoomSubscriptions } from './people/room-subscriptions.ts';
import type { IndexParts } from './presence/occupied-rooms.ts';
import { createRedisRoster } from './presence/roster.ts';
import { createWriteCheck } from './presence/write-check.ts';
import { createRetention, unopenedRetention } from './retention.ts';
import { openScripts, type Scripts } from './scripts.ts';
import { databaseOf } from './topology/open-topology.ts';
import { openWorkerServers } from './topology/worker-servers.ts';

/** The primary has checked that Redis is there. A worker respawned while Redis is away starts without it and logs that. */
const FIRST_CONNECT_MS = 5_000;

export interface RedisWorkerDeps extends WorkerBackendDeps {
  /** A clock that cannot be set, in ms. */
  readonly elapsedMs?: () => number;
  readonly scripts?: Scripts;
}

export async function openRedisWorker(deps: RedisWorkerDeps): Promise<WorkerBackend & Sized> {
  const { options, instanceId, host, log } = deps;
  const { elapsedMs = () => performance.now(), scripts = openScripts() } = deps;
  const keys = redisKeys(options.keyPrefix, databaseOf(options));
  const { level, spared } = deps.saturation;
  const pacing = createCallPacing({ now: () => performance.now(), saturation: level, onSpared: spared });
  const servers = openWorkerServers({
    options,
    instanceId,
    keys,
    scripts: Object.values(scripts),
    pacing,
    onReply: deps.onRedisReply,
    onFrameDropped: createDropReport({ onDropped: deps.onFrameDropped, now: () => performance.now(), log }),
    log,
  });
  const { subscriptions, signer, probe, reconnect } = servers;
  const bus = createRedisBus({ redis: servers.commands, subscriptions, keys, probe, reconnect });

  const { dedupeTtlS, maxRoomClients } = options;
  const there = await servers.usable(FIRST_CONNECT_MS);
  if (!there) {
    log.warn(servers.problem(), 'redis: not reachable at the start; this worker keeps trying');
  }

  const formatDeps = {
    redis: servers.commands,
    key: keys.format,
    mark: scripts.markFormat,
    shown: servers.shown(),
  };
  const format = createFormatGate(formatDeps);
  const redis = format.commands;

  try {
    if (there) await agreeOnFormat(formatDeps);
  } catch (error) {
    await servers.close();
    throw error;
  }

  async function secret(): Promise<Outcome<string>> {
    const fresh = randomBytes(32).toString('base64url');
    const kept = await redis.call<string | null>(['SET', keys.secret, fresh, 'NX', 'GET']);
    return kept.ok ? succeed(kept.value ?? fresh) : kept;
  }

  const retention = createRetention(options);
  const epochArgs = createEpochArgs(retention);
  const writes = createRedisAppend({
    redis,
    scripts,
    keys,
    signer,
    epochArgs,
    retention,
    unopened: unopenedRetention(options),
    dedupeTtlS,
    ...(servers.replicated && { replicated: servers.replicated }),
  });
  const separate = new Map(servers.separate().map((server) => [server, format.guard(server)]));
  const indexParts: IndexParts = {
    all: () => [...separate.values()],
    of: (room) => separate.get(servers.separateOf(keys.restrictions(room))) as RedisCommands,
  };
  const roster = createRedisRoster({
    redis,
    indexParts,
    scripts,
    keys,
    signer,
    instanceId,
    host,
    log,
    maxRoomClients,
    now: elapsedMs,
    onTakeover: servers.onTakeover,
    dataMarks: servers.dataMarks,
  });
  const writeCheck = createWriteCheck(roster.heartbeat, elapsedMs);
  let failedBefore = false;
  return {
    sizes: () => ({ servers: servers.sizes(), roster: roster.sizes() }),
    logs: createRedisLogs({ redis, scripts, keys, epochArgs, writes }),
    loggedRooms: createRedisLoggedRooms({ redis, servers: servers.each, roomName: scripts.roomName, keys }),
    roomReaders: createRedisRoomReaders({ redis, script: scripts.raiseReader, keys, retention }),
    bus,
    roster: { ...roster, heartbeat: writeCheck.heartbeat },
    inboxes: createRedisInboxes({ redis, scripts, keys, retention, now: Date.now, writes }),
    pushes: createRedisPushes({ redis, script: scripts.findPush, keys, options }),
    idempotency: createRedisIdempotency({ redis, scripts, keys, dedupeTtlS }),
    connects: createRedisConnectQueue({ redis, scripts, keys, rateAdmit: options.rateAdmit }),
    moderation: createRedisModeration({ redis, scripts, keys }),
    blocks: createRedisBlocks({ redis, script: scripts.block, keys }),
    mentionNotes: createRedisMentionNotes({ redis, script: scripts.noteMention, keys }),
    roomSubscriptions: createRedisRoomSubscriptions({ redis, scripts, keys, retention }),
    hooks: createRedisHookQueue({ redis, scripts, keys, now: Date.now }),
    adapter: createRedisAdapter({ redis, subscriptions, channelPrefix: keys.channelPrefix }),
    secret,
    check: async () => {
      // The heartbeat is refused, too, until the format fits.
      const fits = format.isShut() ? await format.check() : succeed(undefined);
      if (!fits.ok) return fits;
      // All run at once, because each alone may take until the deadline of a call.
      const [checked, marked, written] = await Promise.all([
        servers.check(),
        format.check(),
        writeCheck.check(),
        // While the checks fail, nobody else probes the bus.
        failedBefore && servers.probeOthers(),
      ] as const);
      servers.noteHeartbeat(written);
      const required: Outcome<unknown>[] = [checked];
      // While its server is away, no other version can migrate the data either.
      if (!servers.isAway(keys.format)) required.push(marked);
      // The lease of an instance that the store knows ends for nobody while its server is away.
      if (!servers.isAway(keys.instances) || !writeCheck.wasWritten()) required.push(written);
      // It must list a room there before it lets anybody in. Several plain servers each list their own rooms.
      if (separate.size === 1 && servers.isAway(keys.occupiedRooms(instanceId))) required.push(away());
      const failed = required.find(({ ok }) => !ok);
      failedBefore = failed !== undefined;
      return failed && !failed.ok ? failed : succeed(undefined);
    },
    awayServers: servers.away,
    isNearlyFull: () => servers.each().some((server) => server.server()?.isNearlyFull?.() ?? false),
    close: servers.close,
  };
}

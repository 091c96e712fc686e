import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkerBackend } from './backend/backend.ts';
import { openWorkerBackend } from './backend/open.ts';
import { createIdentities, type Identities } from './chat/identity.ts';
import { createReservedNames } from './chat/reserved-names.ts';
import { ROSTER_HEARTBEAT_MS, type Roster } from './chat/roster.ts';
import { CHAT_MESSAGES } from './chat-messages.ts';
import { withinLimit } from './cluster/answer-limit.ts';
import { createClientCounter } from './cluster/client-counter.ts';
import { CONTROL } from './cluster/control.ts';
import { createUtilization, processorMs } from './cluster/event-loop.ts';
import { type FrontWorker, openFrontWorker } from './cluster/front-worker.ts';
import { hostId, hostNameIn } from './cluster/host-id.ts';
import { createIdleCollection, openGarbageCollector } from './cluster/idle-collection.ts';
import type { IpcChannel } from './cluster/ipc.ts';
import { connectionsWithin, createOpenConnections } from './cluster/open-connections.ts';
import { createSaturation } from './cluster/saturation.ts';
import { createTotalsSender } from './cluster/totals-sender.ts';
import type { WorkerProcess } from './cluster/worker-process.ts';
import type { Settings } from './config/settings.ts';
import type { Logger } from './log.ts';
import { succeed } from './protocol/codes.ts';
import { type ChatServer, openChatServer } from './server/chat-server.ts';
import type { Drain } from './server/transport/drain.ts';
import type { Sized } from './sizes.ts';

const COUNTS_MS = 1_000;
const HEARTBEAT_CHECK_MS = 500;
const SECRET_TRIES = 20;
/** A store that does not answer must not hold up the end of a worker. */
const FENCE_MS = 500;
const NANOS_PER_MS = 1e6;
/** Each sample wakes an idle worker. */
const LOOP_SAMPLE_MS = 100;

export interface WorkerDeps {
  readonly settings: Settings;
  /** This process, as its supervisor knows it. */
  readonly worker: WorkerProcess;
  readonly version: string;
  /** The folder of the built page. */
  readonly pageDir: string;
  /** The files that this process may open; undefined if there is no limit. */
  readonly openFiles: number | undefined;
  readonly log: Logger;
}

export async function runWorker(deps: WorkerDeps): Promise<void> {
  const { settings, worker, version, pageDir, openFiles, log } = deps;
  const { slot, instanceId, ipc } = worker;
  const port = settings.basePort + slot;
  const clientCounter = createClientCounter(ipc);
  const saturation = createSaturation({
    now: () => performance.now(),
    cpuMs: processorMs,
    utilization: createUtilization(),
  });
  const connections = createOpenConnections({ most: connectionsWithin(openFiles), log });
  let backend: WorkerBackend & Sized;
  let chat: ChatServer;
  let front: FrontWorker | undefined;
  const totals = createTotalsSender({ ipc, kind: CHAT_MESSAGES.totals, totals: () => chat.metrics.totals() });
  try {
    backend = await openWorkerBackend({
      options: settings,
      instanceId,
      host: hostId(settings.basePort),
      primary: ipc,
      saturation,
      // The first replies come before there is anything to count them.
      onRedisReply: (call, ms) => chat?.metrics.redisReply(call, ms),
      onFrameDropped: (why) => chat?.metrics.busFrameDropped(why),
      log,
    });
    chat = await openChatServer({
      ...settings,
      apiKeys: settings.apiKeys.length > 0 ? settings.apiKeys : [await fetchApiKey(ipc)],
      backend,
      identities: await openIdentities(settings, backend, log),
      slot,
      connections,
      worker: { host: hostNameIn(hostId(settings.basePort)), slot, pid: process.pid, instanceId },
      version,
      limits: {
        maxTextBytes: settings.maxTextBytes,
        maxRooms: settings.maxRoomsPerClient,
        historySize: settings.historySize,
        inboxSize: settings.inboxSize,
        inboxTtlS: settings.inboxTtlS,
        dedupeTtlS: settings.dedupeTtlS,
      },
      saturation,
      pageDir,
      onConnect: clientCounter.connected,
      onDisconnect: clientCounter.disconnected,
      onActivity: totals.active,
      now: Date.now,
      newId: randomUUID,
      log,
    });
    if (settings.front) front = openFrontWorker({ engine: chat.engine, connections, ...chat.routes });
    ipc.onNotice(CONTROL.leaving, chat.leave);
    await chat.listen(settings.host, port);
  } catch (error) {
    log.error({ err: error }, 'the worker cannot start');
    await worker.failed(`the worker of slot ${slot} cannot serve on port ${port}: ${reasonOf(error)}`);
    return;
  }

  // A notice without a handler is lost. The primary sends these to workers that are ready, which this one is not yet.
  ipc.onNotice(CHAT_MESSAGES.reap, ({ instanceId: dead }) => void chat.reap(dead));
  ipc.onNotice(CHAT_MESSAGES.fence, ({ instanceId: dead }) => void fence(backend, dead, log));
  ipc.onRequest(CHAT_MESSAGES.metrics, async () => succeed(await chat.metrics.asJson()));
  ipc.onRequest(CHAT_MESSAGES.readiness, () => chat.ready());
  ipc.onRequest(CHAT_MESSAGES.findMessages, chat.tracing.find);
  ipc.onRequest(CHAT_MESSAGES.traceDeliveries, (question) => succeed(chat.tracing.here(question)));
  ipc.onRequest(CHAT_MESSAGES.traceElsewhere, async (question) =>
    succeed(await chat.tracing.elsewhere(question)),
  );
  ipc.onRequest(CHAT_MESSAGES.roomActivity, () => succeed(chat.roomActivity()));
  ipc.onRequest(CHAT_MESSAGES.sizes, () =>
    succeed({
      ipc: ipc.sizes(),
      connections: connections.sizes(),
      backend: backend.sizes(),
      chat: chat.sizes(),
    }),
  );
  ipc.onNotice(CHAT_MESSAGES.reapExpired, () => void reapExpired(backend, chat));
  const loopDelay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
  loopDelay.enable();
  const idleCollection = createIdleCollection({
    clients: () => chat.counts().clients,
    cpuMs: processorMs,
    collect: openGarbageCollector(),
  });
  const report = () => {
    clientCounter.reset();
    ipc.notify(CONTROL.counts, {
      ...chat.counts(),
      // The histogram measures from one sample to the next.
      loopDelayMs: Math.max(0, Math.round(loopDelay.percentile(99) / NANOS_PER_MS) - LOOP_SAMPLE_MS),
      rssBytes: process.memoryUsage.rss(),
    });
    loopDelay.reset();
    void totals.send();
    idleCollection.check();
  };
  const reporting = setInterval(report, COUNTS_MS);
  await backend.roster.heartbeat(0);
  const heartbeats = startHeartbeats(backend.roster, () => chat.counts().clients);

  let running: Drain | undefined;
  ipc.onNotice(CONTROL.arrived, ({ count }) => running?.arrived(count));
  worker.onDrain({
    async drain({ deadlineMs, refuge = 'here' }) {
      chat.leave();
      chat.stopListening();
      running = chat.drain(deadlineMs, refuge);
      await running.empty;
      clearInterval(reporting);
      clearInterval(heartbeats);
      front?.close();
      await chat.close();
      // The primary says so too when this process has ended, but not without another worker of this host.
      await withinLimit(backend.roster.fence(instanceId), FENCE_MS);
      await totals.send();
      totals.close();
      await backend.close();
    },
    tighten: ({ deadlineMs, refuge = 'here' }) => running?.tighten(deadlineMs, refuge),
  });
  report();
  // A reload asks this worker from now on whether the slot is ready, so its health check must have run once.
  await chat.firstCheck;
  worker.ready();
}

/**
 * Heartbeats come sooner than the lease needs when the number of connections changes: the online count is read from
 * them.
 */
function startHeartbeats(roster: Pick<Roster, 'heartbeat'>, clients: () => number): NodeJS.Timeout {
  let lastClients = 0;
  let lastHeartbeatAt = performance.now();
  return setInterval(() => {
    const now = performance.now();
    const count = clients();
    if (count === lastClients && now - lastHeartbeatAt < ROSTER_HEARTBEAT_MS) return;
    lastClients = count;
    lastHeartbeatAt = now;
    void roster.heartbeat(count);
  }, HEARTBEAT_CHECK_MS);
}

/** All workers share the secret by which a returning guest is recognised. Token mode has no guests. */
async function openIdentities(
  { authSecret, authJwksUrl, authAudience, authIssuer, reservedNames }: Settings,
  backend: WorkerBackend,
  log: Logger,
): Promise<Identities> {
  const isReserved = createReservedNames(reservedNames);
  if (authSecret === undefined && authJwksUrl === undefined) {
    return createIdentities(await fetchSecret(backend), Date.now, isReserved);
  }
  const { createTokenIdentities } = await import('./server/auth/tokens.ts');
  return createTokenIdentities({
    secret: authSecret,
    jwksUrl: authJwksUrl,
    audience: authAudience,
    issuer: authIssuer,
    isReserved,
    now: Date.now,
    log,
  });
}

/** Asks the primary and not the store, which may be unreachable when a worker is respawned. */
async function fetchApiKey(primary: Pick<IpcChannel, 'request'>): Promise<string> {
  const key = await primary.request(CHAT_MESSAGES.apiKey, null);
  if (!key.ok) throw new Error(`the key of the HTTP API: ${key.error.message}`);
  return key.value;
}

async function fetchSecret(backend: WorkerBackend): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const secret = await backend.secret();
    if (secret.ok) return secret.value;
    if (tries === SECRET_TRIES) throw new Error(secret.error.message);
    await pause(secret.error.retryAfterMs ?? 500);
  }
}

async function reapExpired(backend: WorkerBackend, chat: ChatServer): Promise<void> {
  const expired = await backend.roster.expired();
  if (!expired.ok) return;
  for (const instanceId of expired.value) await chat.reap(instanceId);
}

async function fence({ roster }: WorkerBackend, instanceId: string, log: Logger): Promise<void> {
  const fenced = await roster.fence(instanceId);
  // A failed fence is not retried: the lease expires, and the instance is reaped.
  if (!fenced.ok)
    log.warn({ instanceId, code: fenced.error.code }, 'a dead worker counts until its lease ends');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

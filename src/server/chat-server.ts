import type { Logger } from 'pino';
import type { WorkerBackend } from '../backend/backend.ts';
import { createAdmission } from '../chat/admission.ts';
import type { Identities } from '../chat/identity.ts';
import type { TodoLive } from '../chat/inbox/direct-messages.ts';
import type { Rate } from '../chat/rate-limit.ts';
import type { Refuge } from '../cluster/control.ts';
import { type Outcome, refuse } from '../protocol/codes.ts';
import type { RoomActivity } from '../room-activity.ts';
import { type Sizes, sizesOf } from '../sizes.ts';
import { contextOf } from './chat-context.ts';
import { openChatHttp } from './chat-http.ts';
import { createMentionSweeps } from './delivery/mention-sweeps.ts';
import { createOnline, type Online, type OnlineDeps } from './delivery/online.ts';
import { createReceipts } from './delivery/receipts.ts';
import { createRoomReads } from './delivery/room-reads.ts';
import type { Edge } from './edge.ts';
import { createHealth, type Health, type HealthDeps } from './health.ts';
import { createHooks, type HookSettings } from './hooks/hooks.ts';
import { createEventStreams } from './http/event-streams.ts';
import type { PageFilesOptions } from './http/page-files.ts';
import { createUserExports } from './http/user-exports.ts';
import { createInboxServices } from './inbox-services.ts';
import { openLiveFeeds } from './live-feeds.ts';
import { withLookAlikes } from './look-alike-marks.ts';
import { type MeasuredEdgeDeps, measureAppends, metricSources, openMeasuredEdge } from './measuring.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createNewRooms } from './new-rooms.ts';
import { createPeople } from './people.ts';
import { createRecentAnswers } from './recent-answers.ts';
import { drainEdge, serveNamespaces } from './served-namespaces.ts';
import type { DeliveryTracerDeps } from './tracing/delivery-trace.ts';
import { createTracing, type Tracing } from './tracing/tracing.ts';
import type { Drain } from './transport/drain.ts';
import type { Routes } from './transport/engine.ts';
import { createWorkerPort, type WorkerPortDeps } from './transport/worker-port.ts';

export interface ChatServerDeps extends Omit<MeasuredEdgeDeps, 'metrics'>, HookSettings, PageFilesOptions {
  readonly backend: WorkerBackend;
  readonly identities: Identities;
  /** `HOST`: the address that the listeners are bound to. */
  readonly host: string;
  readonly slot: number;
  /** All connections of the process. */
  readonly connections: WorkerPortDeps['connections'];
  readonly rateAdmit: number;
  readonly todoLive: TodoLive;
  readonly rateRooms: Rate | undefined;
  /** Same as `StorageBudgetDeps.rate`. */
  readonly rateStored: Rate | undefined;
  /** Names this worker among those of the cluster. */
  readonly worker: DeliveryTracerDeps['worker'];
  readonly apiKeys: readonly string[];
  readonly version: string;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: Logger;
}

export interface ChatServer {
  readonly engine: Edge['engine'];
  readonly routes: Routes;
  /** Serves on a port of its own. */
  listen(host: string, port: number): Promise<unknown>;
  /** Stops listening; clients stay. */
  stopListening(): void;
  /** Announces the users whom the crashed worker process `instanceId` left behind as gone, unless they reconnect. */
  reap(instanceId: string): Promise<void>;
  /** Ready, or why not; call it after `firstCheck` has resolved. */
  ready(): Outcome<void>;
  readonly firstCheck: Promise<void>;
  counts(): { readonly clients: number; readonly rooms: number };
  readonly metrics: Pick<Metrics, 'asJson' | 'totals' | 'redisReply' | 'busFrameDropped'>;
  readonly tracing: Tracing;
  roomActivity(): RoomActivity;
  sizes(): Sizes;
  /** Reports this worker as not ready from now on; it keeps serving. */
  leave(): void;
  drain(drainMs: number, refuge: Refuge): Drain;
  close(): Promise<void>;
}

/** Puts one worker's chat together from the store, the rules and the edge. */
export async function openChatServer(deps: ChatServerDeps): Promise<ChatServer> {
  const { log } = deps;
  const metrics = createMetrics();
  const hooks = createHooks({ ...deps, backend: measureAppends(deps.backend, metrics) });
  const edge = await openMeasuredEdge({ ...deps, metrics });
  const { of, namespaces, slowClients, clients } = edge;
  const { backend, delivery, lookAlikes } = withLookAlikes(hooks.backend, edge.delivery);
  const { fanout, announcer } = delivery;
  const live = openLiveFeeds({
    ...deps,
    backend,
    of,
    delivery,
    onInboxGap: (inbox) => people.logins.showAgain(inbox),
    sessionsOf: (inbox) => people.logins.sessionsOf(inbox),
    onRoomClosed: lookAlikes.forget,
  });
  const { feeds, presence } = live;
  const health = healthOf(deps, {
    backend,
    metrics,
    announcer,
    resync() {
      live.resync();
      people.resync();
    },
    onProbeMissed: live.compareTails,
  });
  const degraded = health.isAway;
  const admission = createAdmission({ now: () => performance.now(), random: Math.random });
  const inbox = createInboxServices({ ...deps, ...hooks, feeds, admission });
  const mentionSweeps = createMentionSweeps({ mentions: inbox.mentions, random: Math.random, log });
  const roomReads = createRoomReads({ ...backend, namespaces, of, fanout });
  const receipts = createReceipts({ receipts: inbox.messageReceipts, of });
  const elapsedMs = () => performance.now();
  const newRooms = createNewRooms({ ...backend, feeds, rate: deps.rateRooms, now: elapsedMs });
  const eventStreams = createEventStreams({
    ...deps,
    ...backend,
    ...live,
    admission,
    newRooms,
    elapsedMs,
    random: Math.random,
  });
  const userExports = createUserExports({ ...deps, ...backend, admission });
  const people = createPeople({
    ...deps,
    backend,
    mode: deps.identities.mode,
    namespaces,
    live,
    endAllStreams: (nsp, userId) => eventStreams.endOf(userId, { nsp }),
    endStreams: ({ nsp, roomid }, userId) => eventStreams.endOf(userId, { nsp, roomid }),
    fanout,
    roomReads,
    ...inbox,
    degraded,
  });
  backend.bus.onResync(() => {
    void live.resyncCounts();
    people.review();
    void eventStreams.review();
  });
  const online = onlineOf(announcer, { ...backend, clients, degraded });
  metrics.watch(
    metricSources({ edge, feeds, health, admission, saturation: deps.saturation, backend, hooks }),
  );
  const recentAnswers = createRecentAnswers(deps.now);
  const context = contextOf(deps, {
    ...backend,
    ...people,
    ...inbox,
    admission,
    slowClients,
    feeds,
    fanout,
    presence,
    receipts,
    roomReads,
    metrics,
    newRooms,
    recentAnswers,
  });
  const tracing = createTracing({
    ...backend,
    ...context,
    ...people,
    fanout,
    internals: delivery.internals,
    recentAnswers,
    worker: deps.worker,
    namespaces,
    now: elapsedMs,
  });
  const gateway = serveNamespaces(deps, { context, edge, health, connects: backend.connects, online });

  const { ready, leave } = readinessOf(health);
  const http = await openChatHttp({
    ...deps,
    ...inbox,
    backend,
    context,
    edge,
    eventStreams,
    userExports,
    admission,
    degraded,
    ready,
    awayServers: health.awayServers,
    metrics,
  });
  const routes = edge.route(http.handle);
  const port = createWorkerPort({ routes, connections: deps.connections, log });

  return {
    engine: edge.engine,
    routes,
    listen: port.listen,
    stopListening: port.close,
    reap(instanceId) {
      mentionSweeps.after(instanceId);
      return presence.reap(instanceId);
    },
    ready,
    firstCheck: health.firstCheck,
    counts: () => ({ clients: clients(), rooms: feeds.rooms().length }),
    metrics,
    tracing,
    roomActivity: () => ({ version: deps.version, ...edge.roomTally.report(feeds.rooms()) }),
    sizes: () => ({
      ...sizesOf({ edge, live, admission, newRooms, roomReads, receipts, mentionSweeps, eventStreams }),
      ...sizesOf({ people, context, gateway, hooks, http, lookAlikes }),
    }),
    leave,
    drain(drainMs, refuge) {
      eventStreams.drain();
      userExports.drain();
      return drainEdge({ edge, gateway, connects: backend.connects }, drainMs, refuge);
    },
    async close() {
      userExports.drain();
      roomReads.close();
      const parts = [receipts, mentionSweeps, eventStreams, admission, health, people, online, live, edge];
      for (const part of parts) part.close();
      await http.close();
      await hooks.close();
    },
  };
}

interface HealthParts extends Pick<HealthDeps, 'resync' | 'onProbeMissed'> {
  readonly backend: WorkerBackend;
  readonly metrics: Metrics;
  readonly announcer: Edge['delivery']['announcer'];
}

function onlineOf(
  announcer: Edge['delivery']['announcer'],
  deps: Pick<OnlineDeps, 'roster' | 'clients' | 'degraded'>,
): Online {
  return createOnline({
    ...deps,
    broadcast: (totals) => announcer.broadcast('online', totals),
    send: (socket, totals) => announcer.sendTo(socket, 'online', totals),
  });
}

function readinessOf({ state }: Pick<Health, 'state'>): Pick<ChatServer, 'ready' | 'leave'> {
  let leaving = false;
  return {
    ready: () => (leaving ? refuse('unavailable', 'this worker is going away') : state()),
    leave() {
      leaving = true;
    },
  };
}

function healthOf(
  { now, log }: ChatServerDeps,
  { backend, metrics, announcer, ...parts }: HealthParts,
): Health {
  const { bus } = backend;
  return createHealth({
    ...parts,
    checkStore: metrics.timed('storeRoundTrip', backend.check),
    awayServers: backend.awayServers,
    bus: { probe: metrics.timed('busRoundTrip', bus.probe), reconnect: bus.reconnect },
    onDegraded: (since) => announcer.broadcast('cluster:degraded', { since }),
    onRestored: () => announcer.broadcast('cluster:restored', {}),
    now,
    log,
  });
}

import type { Logger } from 'pino';
import type { WorkerBackend } from '../backend/backend.ts';
import { createAdmission } from '../chat/admission.ts';
import type { Identities } from '../chat/identity.ts';
import { createAnnouncements } from '../chat/inbox/announcements.ts';
import { createDirectMessages } from '../chat/inbox/direct-messages.ts';
import { createInboxView } from '../chat/inbox/inbox-view.ts';
import { createPacedPushService } from '../chat/inbox/paced-push-service.ts';
import type { Appended } from '../chat/log-store.ts';
import { inboxOf } from '../chat/room.ts';
import type { Refuge } from '../cluster/control.ts';
import { type Outcome, refuse } from '../protocol/codes.ts';
import { authenticate } from './auth/handshake.ts';
import { createTokenExpiry } from './auth/token-expiry.ts';
import type { ChatContext } from './context.ts';
import { createOnline } from './delivery/online.ts';
import { createRoomAnnouncements } from './delivery/room-announcements.ts';
import type { Edge } from './edge.ts';
import { createGateway } from './gateway.ts';
import { createHealth } from './health.ts';
import type { ApiContext } from './http/api-context.ts';
import { createEventStreams, type EventStreams } from './http/event-streams.ts';
import { openHttp } from './http/http-server.ts';
import { openLiveFeeds } from './live-feeds.ts';
import { type MeasuredEdgeDeps, measureAppends, metricSources, openMeasuredEdge } from './measuring.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createUserDisconnects } from './moderation/user-disconnects.ts';
import { createPeople, type People } from './people.ts';
import { createRecentAnswers } from './recent-answers.ts';
import type { ChatNamespace } from './socket-types.ts';
import type { DeliveryTracerDeps } from './tracing/delivery-trace.ts';
import { createTracing, type Tracing } from './tracing/tracing.ts';
import { type Drain, drainClients } from './transport/drain.ts';
import type { Routes } from './transport/engine.ts';
import { createWorkerPort } from './transport/worker-port.ts';

export interface ChatServerDeps extends Omit<MeasuredEdgeDeps, 'metrics'> {
  readonly backend: WorkerBackend;
  readonly identities: Identities;
  /** `HOST`: the address that the listeners are bound to. */
  readonly host: string;
  readonly slot: number;
  readonly rateAdmit: number;
  /** Names this worker among those of the cluster. */
  readonly worker: DeliveryTracerDeps['worker'];
  readonly apiKeys: readonly string[];
  readonly version: string;
  readonly pageDir: string;
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
  readonly metrics: Pick<Metrics, 'asJson' | 'totals' | 'redisReply'>;
  readonly tracing: Tracing;
  /** Reports this worker as not ready from now on; it keeps serving. */
  leave(): void;
  drain(drainMs: number, refuge: Refuge): Drain;
  close(): Promise<void>;
}

/** Puts one worker's chat together from the store, the rules and the edge. */
export async function openChatServer(deps: ChatServerDeps): Promise<ChatServer> {
  const { log } = deps;
  const metrics = createMetrics();
  const backend = measureAppends(deps.backend, metrics);
  const { bus, roster, inboxes, logs } = backend;
  const edge = await openMeasuredEdge({ ...deps, metrics });
  const { of, namespaces, delivery, traffic, slowClients, clients } = edge;
  const { fanout, announcer } = delivery;
  const live = openLiveFeeds({
    ...deps,
    of,
    delivery,
    onInboxGap: (inbox) => people.logins.showAgain(inbox),
  });
  const { feeds, presence } = live;
  const health = createHealth({
    checkStore: metrics.timed('storeRoundTrip', backend.check),
    awayServers: backend.awayServers,
    bus: { probe: metrics.timed('busRoundTrip', bus.probe), reconnect: bus.reconnect },
    resync() {
      live.resync();
      people.resync();
    },
    onProbeMissed: live.compareTails,
    onDegraded: (since) => announcer.broadcast('cluster:degraded', { since }),
    onRestored: () => announcer.broadcast('cluster:restored', {}),
    now: deps.now,
    log,
  });
  const degraded = health.isAway;
  const announcements = createAnnouncements({ logs, inboxes, newId: deps.newId });
  const inboxView = createInboxView({ logs, inboxes, inboxSize: deps.limits.inboxSize, now: deps.now });
  const admission = createAdmission({ now: () => performance.now(), random: Math.random });
  const eventStreams = createEventStreams({
    ...deps,
    ...backend,
    ...live,
    admission,
    elapsedMs: () => performance.now(),
    random: Math.random,
  });
  const people = createPeople({
    ...deps,
    mode: deps.identities.mode,
    namespaces,
    live,
    endStreams: ({ nsp, roomid }, userId) => eventStreams.endOf(userId, { nsp, roomid }),
    fanout,
    announcements,
    inboxView,
    degraded,
  });
  bus.onResync(() => {
    void live.resyncCounts();
    void people.enforcement.review();
    void eventStreams.review();
  });
  const online = createOnline({
    roster,
    broadcast: (totals) => announcer.broadcast('online', totals),
    clients,
    degraded,
  });
  metrics.watch(metricSources({ edge, feeds, health, admission }));
  const onAppended = (nsp: string, userId: string, appended: Appended) =>
    feeds.expectEcho(inboxOf(nsp, userId), appended);
  const recentAnswers = createRecentAnswers(deps.now);
  const context: ChatContext = {
    ...people,
    admission,
    slowClients,
    logs,
    feeds,
    fanout,
    presence,
    roster,
    inboxes,
    identities: deps.identities,
    tokenExpiry: createTokenExpiry({ now: deps.now, flush: fanout.flush }),
    directMessages: createDirectMessages({ logs, roster, newId: deps.newId, onAppended }),
    announcements,
    inboxView,
    limits: deps.limits,
    metrics,
    recentAnswers,
    newId: deps.newId,
    log,
  };
  const tracing = createTracing({
    ...context,
    ...people,
    roomSubscriptions: backend.roomSubscriptions,
    moderation: backend.moderation,
    fanout,
    internals: delivery.internals,
    recentAnswers,
    worker: deps.worker,
    namespaces,
    now: () => performance.now(),
  });
  const gateway = createGateway({
    ...deps,
    context,
    authenticate: (handshake) => authenticate(handshake, deps),
    sayOfAddress: traffic.sayOfAddress,
    connectionLimits: traffic.connections,
    connects: backend.connects,
    degradedSince: health.degradedSince,
    announcer,
    onHelloSent: online.sendTo,
    onEventReceived: edge.onEventReceived,
  });
  for (const nsp of namespaces) gateway.serve(nsp);
  if (!deps.namespaces.includes('/')) refuseMain(of('/'));

  let leaving = false;
  const ready = () => (leaving ? refuse('unavailable', 'this worker is going away') : health.state());
  const http = await openHttp({
    ...deps,
    api: {
      ...context,
      admission,
      pushService: createPacedPushService({ ...backend, newId: deps.newId, onAppended }, admission),
      idempotency: backend.idempotency,
      now: deps.now,
      announceIn: createRoomAnnouncements({ of, degraded }),
      disconnect: disconnectsOf(people, edge, eventStreams, log),
      moderation: backend.moderation,
      eventStreams,
    },
    ready,
    awayServers: health.awayServers,
    metrics,
  });
  const routes = edge.route(http.handle);
  const port = createWorkerPort({ routes, log });

  return {
    engine: edge.engine,
    routes,
    listen: port.listen,
    stopListening: port.close,
    reap: presence.reap,
    ready,
    firstCheck: health.firstCheck,
    counts: () => ({ clients: clients(), rooms: feeds.rooms().length }),
    metrics,
    tracing,
    leave() {
      leaving = true;
    },
    drain(drainMs, refuge) {
      eventStreams.drain();
      return drainClients(
        {
          namespaces,
          flush: fanout.flushAll,
          moves: gateway.moves,
          expectBack: (sockets) => backend.connects.expect(sockets.map(gateway.queueKey)),
        },
        drainMs,
        refuge,
      );
    },
    async close() {
      const parts = [eventStreams, admission, health, people, online, live, edge];
      for (const part of parts) part.close();
      await http.close();
    },
  };
}

function disconnectsOf(
  { logins }: People,
  { namespaces, delivery }: Edge,
  eventStreams: EventStreams,
  log: Logger,
): ApiContext['disconnect'] {
  return createUserDisconnects({
    namespaces,
    logins,
    endStreams: (nsp, userId) => eventStreams.endOf(userId, { nsp }),
    flush: delivery.fanout.flush,
    log,
  });
}

/** Socket.IO always serves the main namespace. Its 2.x clients must pass through it to reach another one. */
function refuseMain(main: ChatNamespace): void {
  main.use((socket, next) => next(socket.conn.protocol === 3 ? undefined : new Error('Invalid namespace')));
}

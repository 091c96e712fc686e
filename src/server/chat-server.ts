import type { Logger } from 'pino';
import type { WorkerBackend } from '../backend/backend.ts';
import { createAdmission } from '../chat/admission.ts';
import { createFeeds } from '../chat/feeds.ts';
import type { Identities } from '../chat/identity.ts';
import { createAnnouncements } from '../chat/inbox/announcements.ts';
import { createDirectMessages } from '../chat/inbox/direct-messages.ts';
import { createInboxView } from '../chat/inbox/inbox-view.ts';
import { createPacedPushService } from '../chat/inbox/paced-push-service.ts';
import type { Appended } from '../chat/log-store.ts';
import { createPresence } from '../chat/presence.ts';
import { createSharedBuckets } from '../chat/rate-limit.ts';
import { inboxOf, type Room } from '../chat/room.ts';
import type { RosterEntry } from '../chat/roster.ts';
import type { Outcome } from '../protocol/codes.ts';
import { MAX_TOLD_CLIENTS } from '../protocol/limits.ts';
import { introduce } from './auth/handshake.ts';
import { createTokenClock } from './auth/token-clock.ts';
import type { ChatContext, ClientLimits } from './context.ts';
import { createAnnouncementFeed } from './delivery/announcement-feed.ts';
import { createCountResync } from './delivery/count-resync.ts';
import { openDelivery } from './delivery/delivery.ts';
import { createInboxDelivery } from './delivery/inbox-delivery.ts';
import { createOnline } from './delivery/online.ts';
import { createRoomAnnouncements } from './delivery/room-announcements.ts';
import { leaveRoom } from './events/leave.ts';
import { createGateway } from './gateway.ts';
import { createHealth } from './health.ts';
import { openHttp } from './http/http-server.ts';
import { createMetrics } from './metrics.ts';
import { createConnectionBans } from './moderation/connection-bans.ts';
import { createConnectionMutes } from './moderation/connection-mutes.ts';
import { createEnforcement } from './moderation/enforcement.ts';
import { createUserDisconnects } from './moderation/user-disconnects.ts';
import type { ChatNamespace } from './socket-types.ts';
import { drainClients } from './transport/drain.ts';
import { createChatEngine, type EngineOptions, type Routes } from './transport/engine.ts';
import { guardHosts } from './transport/foreign-hosts.ts';
import { createReadThrottle } from './transport/read-throttle.ts';
import { createSlowClients } from './transport/slow-clients.ts';
import { createTrafficLimits, type TrafficSettings } from './transport/traffic-limits.ts';
import { createWorkerPort } from './transport/worker-port.ts';
import { createConnectionCounts } from './users/connection-counts.ts';
import { createLogins } from './users/logins.ts';
import { createMembershipTransfer } from './users/membership-transfer.ts';
import { createReadMarkers } from './users/read-markers.ts';
import { createTextmsgAudience } from './users/textmsg-audience.ts';

/** How soon somebody who sends much and was behind with reading may be read of again. */
const BEHIND_LOOK_MS = 20;

export interface ChatServerDeps
  extends Omit<EngineOptions, 'onConnection' | 'connectLimit'>,
    TrafficSettings {
  readonly backend: WorkerBackend;
  readonly identities: Identities;
  /** Where it will listen. */
  readonly host: string;
  readonly slot: number;
  readonly namespaces: readonly string[];
  readonly limits: ClientLimits;
  /** The longest time messages of a room are gathered for one write. */
  readonly flushWindowMs: number;
  /** What may wait for one client. */
  readonly maxBufferedBytes: number;
  readonly apiKeys: readonly string[];
  readonly version: string;
  readonly pageDir: string;
  /** Which part of the time since the last call the event loop was busy, 0 to 1. */
  readonly utilization: () => number;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: Logger;
}

export interface ChatServer {
  readonly engine: ReturnType<typeof createChatEngine>['engine'];
  readonly routes: Routes;
  /** Serves on a port of its own. */
  listen(host: string, port: number): Promise<unknown>;
  /** Stops listening; clients stay. */
  stopListening(): void;
  /** Tells of whom the worker process `instanceId` left behind. */
  reap(instanceId: string): Promise<void>;
  /** Ready, or why not; not known until `looked` is over. */
  ready(): Outcome<void>;
  readonly looked: Promise<void>;
  counts(): { readonly clients: number; readonly rooms: number };
  metrics(): Promise<object[]>;
  drain(drainMs: number): Promise<void>;
  close(): Promise<void>;
}

/** One worker's chat, made of the store, the rules and the edge. */
export async function openChatServer(deps: ChatServerDeps): Promise<ChatServer> {
  const { backend, log } = deps;
  const { logs, bus, roster, inboxes } = backend;
  const traffic = createTrafficLimits({
    ...deps,
    internals: () => internals,
    namespaces: deps.namespaces.length,
    maxTextBytes: deps.limits.maxTextBytes,
  });
  const { connectLimit } = traffic;
  const chatEngine = createChatEngine({ ...deps, connectLimit, onConnection: traffic.connections.watch });
  const { io, engine } = chatEngine;
  io.adapter(backend.adapter as never);

  const tell = (event: 'join' | 'broadcast_quit') => (room: Room, user: RosterEntry, clients: number) => {
    // A reaped instance leaves people in lounges too, of whom nobody is told; and a large room is told numbers.
    if (room.kind !== 'room' || clients > MAX_TOLD_CLIENTS) return;
    const move = { event, user };
    void bus.notify(room, move).then((told) => {
      // Whoever is here hears it all the same.
      if (!told.ok) deliverPresence(room, move);
    });
  };
  const namespaces = deps.namespaces.map((name) => io.of(name));
  const delivery = await openDelivery({
    of: (nsp) => io.of(nsp),
    namespaces,
    engine,
    flushWindowMs: deps.flushWindowMs,
    utilization: deps.utilization,
    log,
  });
  const { internals, fanout, announcer, deliverPresence } = delivery;
  const inboxDelivery = createInboxDelivery({ of: (nsp) => io.of(nsp), inboxes, now: deps.now });
  const news = createAnnouncementFeed({
    feeds: () => feeds,
    logs,
    of: (nsp) => io.of(nsp),
    namespaces: deps.namespaces,
  });
  const feeds = createFeeds({
    logs,
    bus,
    log,
    deliver(room, entry) {
      if (room.kind === 'inbox') inboxDelivery.deliver(room, entry);
      else if (room.kind === 'news') news.deliver(room.nsp, entry);
      else fanout.enqueue(room, entry);
    },
    onGap(room, gap) {
      if (room.kind === 'inbox') logins.showAgain(room);
      if (room.kind === 'room') delivery.deliverGap(room, gap);
    },
    onPresence: deliverPresence,
  });
  const presence = createPresence({ roster, log, onJoin: tell('join'), onQuit: tell('broadcast_quit') });
  roster.onReturned(tell('join'));
  const recount = createCountResync({ roster, rooms: feeds.rooms, deliver: deliverPresence });
  bus.onResync(() => {
    void recount();
    void enforcement.review();
  });
  const health = createHealth({
    checkStore: backend.check,
    bus,
    resync() {
      feeds.resync();
      void recount();
      presence.resync();
      textmsgAudience.resync();
      membershipTransfer.resync();
      logins.resync();
      news.follow();
      void enforcement.review();
    },
    onDegraded(since) {
      announcer.broadcast('cluster:degraded', { since });
    },
    onRestored() {
      announcer.broadcast('cluster:restored', {});
    },
    now: deps.now,
    log,
  });
  const clients = () => namespaces.reduce((sum, nsp) => sum + nsp.sockets.size, 0);
  const metrics = createMetrics({
    clients,
    rooms: () => feeds.rooms().length,
    repeatsDropped: () => feeds.counters.repeatsDropped,
    holesRepaired: () => feeds.counters.holesRepaired,
    probesMissed: () => health.counters.probesMissed,
    redials: () => health.counters.redials,
    degraded: () => health.degradedSince() !== undefined,
    slowClients: () => slowClients.closedCount(),
    overLimit: () => traffic.connections.closedCount(),
    mostWaitingBytes: () => slowClients.mostWaitingBytes(),
    underWay: () => admission.state().underWay,
    waiting: () => admission.state().waiting,
  });
  const onAppended = (nsp: string, userId: string, appended: Appended) =>
    feeds.expectEcho(inboxOf(nsp, userId), appended);
  const announcements = createAnnouncements({ logs, inboxes, newId: deps.newId });
  news.follow();
  const shown = createInboxView({ logs, inboxes, inboxSize: deps.limits.inboxSize, now: deps.now });
  const degraded = () => health.degradedSince() !== undefined;
  const { moderation } = backend;
  const { mode } = deps.identities;
  const connectionBans = createConnectionBans({
    mode,
    moderation,
    now: () => performance.now(),
    date: deps.now,
  });
  const textmsgAudience = createTextmsgAudience({
    roster,
    moderation,
    carriedBan: connectionBans.check,
    degraded,
    log,
  });
  const online = createOnline({
    roster,
    broadcast: (totals) => announcer.broadcast('online', totals),
    clients,
    degraded,
  });
  const perUser = deps.rateSay && { perMs: deps.rateSay.perMs * 2, burst: deps.rateSay.burst * 2 };
  const connections = createConnectionCounts({ roster, log });
  const membershipTransfer = createMembershipTransfer({
    presence,
    onBanned: (room, userId) => enforcement.onRefused(room, userId),
    log,
  });
  const logins = createLogins({
    logs,
    feeds,
    inboxView: shown,
    announcements,
    announcementFeed: news,
    delivery: inboxDelivery,
    connectionCounts: connections,
    membershipTransfer,
    userBuckets: createSharedBuckets(perUser, () => performance.now()),
    onComing: textmsgAudience.arrive,
    onMoved: (session) => Promise.all([textmsgAudience.moved(session), context.readMarkers.moved(session)]),
    degraded,
    log,
  });
  const enforcement = createEnforcement({
    namespaces,
    logins,
    moderation,
    connectionBans,
    connectionMutes: createConnectionMutes(mode),
    banFromTextmsg: textmsgAudience.ban,
    async leave(session, roomid, membership) {
      await leaveRoom(session, roomid, membership, context);
      await context.readMarkers.left(session, roomid);
    },
    degraded,
    now: deps.now,
    log,
  });
  const admission = createAdmission({ now: () => performance.now(), random: Math.random });
  const slowClients = createSlowClients({
    internals,
    *sockets() {
      for (const nsp of namespaces) yield* nsp.sockets.values();
    },
    maxBufferedBytes: deps.maxBufferedBytes,
    random: Math.random,
    log,
  });
  const context: ChatContext = {
    admission,
    slowClients,
    logs,
    feeds,
    fanout,
    presence,
    roster,
    inboxes,
    identities: deps.identities,
    logins,
    tokenClock: createTokenClock({ now: deps.now, flush: fanout.flush }),
    textmsgAudience,
    readMarkers: createReadMarkers({ visits: backend.visits, logs, roster, log }),
    enforcement,
    connectionBans,
    directMessages: createDirectMessages({ logs, roster, newId: deps.newId, onAppended }),
    announcements,
    inboxView: shown,
    limits: deps.limits,
    metrics,
    newId: deps.newId,
    log,
  };
  const gateway = createGateway({
    context,
    introduce: (handshake) => introduce(handshake, deps),
    slot: deps.slot,
    rateSay: deps.rateSay,
    sayOfAddress: traffic.sayOfAddress,
    connectionLimits: traffic.connections,
    now: deps.now,
    degradedSince: health.degradedSince,
    announcer,
    onGreeted: online.sendTo,
    onHeard: createReadThrottle({
      internals,
      isBehind: slowClients.isBehind,
      nextTurn: setImmediate,
      later: (callback) => setTimeout(callback, BEHIND_LOOK_MS),
    }).received,
    onConnect: deps.onConnect,
    onDisconnect: deps.onDisconnect,
  });
  for (const nsp of namespaces) gateway.serve(nsp);
  if (!deps.namespaces.includes('/')) refuseMain(io.of('/'));

  const http = await openHttp({
    pageDir: deps.pageDir,
    socketPath: deps.socketPath,
    namespaces: deps.namespaces,
    apiKeys: deps.apiKeys,
    version: deps.version,
    api: {
      ...context,
      admission,
      pushService: createPacedPushService({ ...backend, newId: deps.newId, onAppended }, admission),
      claims: backend.claims,
      now: deps.now,
      announceIn: createRoomAnnouncements({ of: (nsp) => io.of(nsp), degraded }),
      disconnect: createUserDisconnects({ namespaces, logins, flush: fanout.flush, log }),
      moderation,
    },
    ready: health.state,
    metrics,
    log,
  });
  const routes = guardHosts(
    chatEngine.route(http.handle, (request, response) => internals.answering(engine, request, response)),
    deps,
    log,
  );
  const port = createWorkerPort({ routes, log });

  return {
    engine,
    routes,
    listen: port.listen,
    stopListening: port.close,
    reap: presence.reap,
    ready: health.state,
    looked: health.looked,
    counts: () => ({ clients: clients(), rooms: feeds.rooms().length }),
    metrics: metrics.asJson,
    drain: (drainMs) => drainClients({ namespaces, flush: fanout.flushAll }, drainMs),
    async close() {
      admission.close();
      slowClients.close();
      traffic.connections.close();
      health.close();
      logins.close();
      connections.close();
      membershipTransfer.close();
      textmsgAudience.close();
      online.close();
      presence.close();
      feeds.close();
      delivery.close();
      engine.close();
      await http.close();
    },
  };
}

/** Socket.IO always has the main namespace. Clients of its 2.x must pass through it on the way to another. */
function refuseMain(main: ChatNamespace): void {
  main.use((socket, next) => next(socket.conn.protocol === 3 ? undefined : new Error('Invalid namespace')));
}

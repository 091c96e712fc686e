import type { QueueKey } from '../chat/connect-queue.ts';
import { createBucket, createSharedBuckets, type Rate, type SharedBuckets } from '../chat/rate-limit.ts';
import { MAX_HISTORY, PROTOCOL_VERSION } from '../protocol/limits.ts';
import type { Sized } from '../sizes.ts';
import type { AcceptedHandshake } from './auth/handshake.ts';
import type { ChatContext } from './context.ts';
import type { ConnectionAnnouncer } from './delivery/connection-announcer.ts';
import { markOlder } from './delivery/older-clients.ts';
import { dispatch } from './events/dispatch.ts';
import { createFirstTasks } from './first-tasks.ts';
import { createHandshakes, type HandshakesDeps } from './handshakes.ts';
import { requestIdOf } from './request-id.ts';
import { ClientSession, type Session } from './session.ts';
import type { ChatNamespace, ClientSocket } from './socket-types.ts';
import { timesConnections } from './transport/address-budgets.ts';
import type { ConnectionLimits } from './transport/connection-limits.ts';
import { shrinkConnection } from './transport/private-members.ts';

/** More than a person orders, and no more than the workers can carry out. */
const MODERATION_RATE: Rate = { perMs: 5 / 1_000, burst: 50 };
const MODERATION_RATE_OF_USER: Rate = { perMs: 10 / 1_000, burst: 100 };
const LOGIN_RATE: Rate = { perMs: 2 / 1_000, burst: 20 };

export interface GatewayDeps extends Pick<HandshakesDeps, 'authenticate' | 'connects' | 'rateAdmit'> {
  readonly context: ChatContext;
  readonly slot: number;
  readonly rateSay: Rate | undefined;
  readonly rateSignal: Rate | undefined;
  readonly sayOfAddress: SharedBuckets;
  readonly signalOfAddress: SharedBuckets;
  readonly connectionLimits: Pick<ConnectionLimits, 'entered' | 'left' | 'budgetOf' | 'defer'>;
  readonly now: () => number;
  /** When the store went away; undefined while it answers. */
  readonly degradedSince: () => number | undefined;
  readonly announcer: Pick<ConnectionAnnouncer, 'awaitHello' | 'helloSent' | 'sendTo'>;
  /** The connection has just been sent `hello`. */
  readonly onHelloSent: (socket: ClientSocket) => void;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
}

/** Serves the clients of a namespace from handshake to disconnect. */
export interface Gateway {
  serve(nsp: ChatNamespace): void;
  /** Returns whether the client connects elsewhere before it leaves a draining worker. */
  moves(socket: ClientSocket): boolean;
  /** Names the client in the queue of connects; undefined if it will not be known when it is back. */
  queueKey(socket: ClientSocket): string | undefined;
}

export function createGateway(deps: GatewayDeps): Gateway & Sized {
  const { context, slot, now } = deps;
  const elapsedMs = () => performance.now();
  const moderateOfAddress = createSharedBuckets(timesConnections(MODERATION_RATE), elapsedMs);
  const moderateOfUser = createSharedBuckets(MODERATION_RATE_OF_USER, elapsedMs);
  const rates = {
    say: () => createBucket(deps.rateSay, elapsedMs),
    login: () => createBucket(LOGIN_RATE, elapsedMs),
    moderate: () => createBucket(MODERATION_RATE, elapsedMs),
    signal: () => createBucket(deps.rateSignal, elapsedMs),
    sayOfAddress: deps.sayOfAddress,
    signalOfAddress: deps.signalOfAddress,
    moderateOfAddress,
    moderateOfUser,
  };
  const firstTasks = createFirstTasks({
    ...context,
    sendJoined: (socket, joined) => deps.announcer.sendTo(socket, 'joined', joined),
  });
  const keepsHeaders = context.identities.mode === 'token';
  const handshakes = createHandshakes({ ...deps, ...context });
  /** A symbol, because `fetchSockets()` sends the other members of `socket.data` to every server. */
  const sessionKey = Symbol('session');

  function connect(socket: ClientSocket, accepted: AcceptedHandshake, queueKey: QueueKey | undefined): void {
    const { identity, roomid, resume, inbox, moves, older } = accepted;
    const budget = deps.connectionLimits.entered(socket);
    const requestId = requestIdOf(socket.handshake.headers);
    const session = new ClientSession(socket, {
      identity,
      roomid,
      budget,
      requestId,
      rates,
      moves,
      queueKey,
    });
    socket.data[sessionKey] = session;
    if (older) markOlder(socket);
    socket.onAny(onEvent);
    socket.on('disconnect', onDisconnected);
    shrinkConnection(socket, { keepsHeaders });
    context.metrics.connected.inc();
    deps.onConnect();
    deps.announcer.awaitHello(socket.id);
    const bind = () => context.logins.bind(session, inbox, () => sendHello(session));
    const joins = roomid !== undefined && identity.named;
    void firstTasks.begin(session, bind, joins ? { resume } : undefined);
  }

  /** Socket.IO calls it on the socket. One function for all: a closure per socket would cost more than the look-up. */
  function onEvent(this: ClientSocket, event: unknown, ...args: unknown[]): void {
    const session: Session | undefined = this.data[sessionKey];
    if (!session) return;
    dispatch(session, context, { event, args }).catch((error: unknown) =>
      context.log.error({ err: error }, 'an event could not be answered'),
    );
  }

  function onDisconnected(this: ClientSocket, reason: string): void {
    const session: Session | undefined = this.data[sessionKey];
    if (!session) return;
    this.data[sessionKey] = undefined;
    deps.connectionLimits.left(this);
    deps.announcer.helloSent(this.id);
    context.tokenExpiry.forget(session);
    context.textmsgAudience.leave(session);
    logLife(session, reason);
    leaveAll(session);
    context.logins.end(session);
    // The reason is one of Socket.IO's, never the client's words.
    context.metrics.disconnected.inc({ reason: reason.replaceAll(' ', '_') });
    deps.onDisconnect();
  }

  /** One line for each connection. It names no user; the request id leads to the proxy's log, which has the address. */
  function logLife({ socket, requestId, connectedAt, memberships }: Session, reason: string): void {
    const { id: clientId, nsp, conn } = socket;
    const rooms = memberships.size;
    const ms = Math.round(performance.now()) - connectedAt;
    const about = { clientId, requestId, ns: nsp.name, transport: conn.transport.name, rooms, ms, reason };
    context.log.info(about, 'connection ended');
  }

  /** Sends `hello`. The client is reachable from then on: the store counts it among its user's connections. */
  function sendHello(session: Session): void {
    const { socket, identity, user } = session;
    const { guestToken } = identity;
    deps.announcer.helloSent(socket.id);
    deps.announcer.sendTo(socket, 'hello', {
      clientId: socket.id,
      user,
      auth: context.identities.mode,
      protocol: PROTOCOL_VERSION,
      worker: slot,
      time: now(),
      guestToken,
      can: identity.access.rightsIn(session.defaultRoom),
      limits: {
        maxTextBytes: context.limits.maxTextBytes,
        maxRooms: context.limits.maxRooms,
        maxHistory: MAX_HISTORY,
        dedupeTtlS: context.limits.dedupeTtlS,
      },
    });
    context.tokenExpiry.watch(session);
    const since = deps.degradedSince();
    if (since !== undefined) socket.emit('cluster:degraded', { since });
    if (socket.nsp.name !== '/') socket.emit('new message', { mess: `welcome to ${socket.nsp.name}` });
    context.textmsgAudience.enter(session);
    deps.onHelloSent(socket);
  }

  function leaveAll({ memberships, user }: Session): void {
    for (const { room, lease, uncounted } of memberships.values()) {
      lease.release();
      if (!uncounted) void context.presence.leave(room, user.id, 'lost');
    }
    memberships.clear();
  }

  return {
    sizes: () => ({ moderateOfAddress: moderateOfAddress.size, moderateOfUser: moderateOfUser.size }),
    serve(nsp) {
      nsp.use((socket, next) => void handshakes.check(socket).then(next));
      nsp.on('connection', (socket) => {
        const admitted = handshakes.take(socket);
        if (!admitted) return;
        if ('afterMs' in admitted) deps.connectionLimits.defer(socket, admitted.afterMs);
        else connect(socket, admitted.accepted, admitted.queueKey);
      });
    },
    queueKey(socket) {
      const session: Session | undefined = socket.data[sessionKey];
      return session?.queueKey?.(session.identity);
    },
    moves(socket) {
      const session: Session | undefined = socket.data[sessionKey];
      return session?.moves === true;
    },
  };
}

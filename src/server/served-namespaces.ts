import type { WorkerBackend } from '../backend/backend.ts';
import type { Refuge } from '../cluster/control.ts';
import type { Sized } from '../sizes.ts';
import { authenticate, type HandshakeDeps } from './auth/handshake.ts';
import type { ChatContext } from './context.ts';
import type { Online } from './delivery/online.ts';
import type { Edge } from './edge.ts';
import { createGateway, type Gateway, type GatewayDeps } from './gateway.ts';
import type { Health } from './health.ts';
import type { ChatNamespace } from './socket-types.ts';
import { type Drain, drainClients } from './transport/drain.ts';

export interface ServedNamespacesDeps
  extends HandshakeDeps,
    Pick<
      GatewayDeps,
      'slot' | 'rateSay' | 'rateSignal' | 'rateAdmit' | 'now' | 'onConnect' | 'onDisconnect'
    > {
  /** NAMESPACES. */
  readonly namespaces: readonly string[];
}

interface ServedParts {
  readonly context: ChatContext;
  readonly edge: Edge;
  readonly health: Health;
  readonly connects: WorkerBackend['connects'];
  readonly online: Online;
}

/** Sends the clients away, at the pace at which others take them in. */
export function drainEdge(
  { edge, gateway, connects }: Pick<ServedParts, 'edge' | 'connects'> & { readonly gateway: Gateway },
  drainMs: number,
  refuge: Refuge,
): Drain {
  return drainClients(
    {
      namespaces: edge.namespaces,
      flush: edge.delivery.fanout.flushAll,
      moves: gateway.moves,
      expectBack: (sockets) => connects.expect(sockets.map(gateway.queueKey)),
    },
    drainMs,
    refuge,
  );
}

/** Serves the clients of all namespaces of the edge. */
export function serveNamespaces(
  deps: ServedNamespacesDeps,
  { context, edge, health, connects, online }: ServedParts,
): Gateway & Sized {
  const gateway = createGateway({
    ...deps,
    context,
    authenticate: (handshake) => authenticate(handshake, deps),
    sayOfAddress: edge.traffic.sayOfAddress,
    signalOfAddress: edge.traffic.signalOfAddress,
    connectionLimits: edge.traffic.connections,
    connects,
    degradedSince: health.degradedSince,
    announcer: edge.delivery.announcer,
    onHelloSent: online.sendTo,
  });
  for (const nsp of edge.namespaces) gateway.serve(nsp);
  if (!deps.namespaces.includes('/')) refuseMain(edge.of('/'));
  return gateway;
}

/** Socket.IO always serves the main namespace. Its 2.x clients must pass through it to reach another one. */
function refuseMain(main: ChatNamespace): void {
  main.use((socket, next) => next(socket.conn.protocol === 3 ? undefined : new Error('Invalid namespace')));
}

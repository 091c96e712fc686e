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
  /** The names in the setting NAMESPACES; `edge.namespaces` are the same, opened. */
  readonly namespaces: readonly string[];
}

interface ServedParts {
  readonly context: ChatContext;
  readonly edge: Edge;
  readonly health: Health;
  readonly connects: WorkerBackend['connects'];
  readonly online: Online;
}

/** Moves the clients of all namespaces to other workers, at the pace at which those take them in. */
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
  if (!deps.namespaces.includes('/')) refuseMain(edge.of('/'), edge.traffic.connections);
  return gateway;
}

/**
 * Refuses the main namespace, which Socket.IO always serves, where NAMESPACES does not list it. 2.x clients are let in without a
 * handshake, since they must pass through it to reach another one: Socket.IO's own time limit ends there, so ours begins.
 */
export function refuseMain(
  main: ChatNamespace,
  connections: Pick<Edge['traffic']['connections'], 'passedMain'>,
): void {
  main.use(({ conn }, next) => {
    if (conn.protocol !== 3) next(new Error('Invalid namespace'));
    else {
      connections.passedMain(conn);
      next();
    }
  });
}

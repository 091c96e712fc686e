import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { WorkerBackend } from '../backend/backend.ts';
import type { Saturation } from '../cluster/saturation.ts';
import type { Sized } from '../sizes.ts';
import type { ClientLimits } from './context.ts';
import { type Delivery, type DeliveryDeps, openDelivery } from './delivery/delivery.ts';
import type { ChatNamespace } from './socket-types.ts';
import { createChatEngine, type EngineOptions, type Routes } from './transport/engine.ts';
import { guardHosts, type HostRules } from './transport/foreign-hosts.ts';
import { createReadThrottle } from './transport/read-throttle.ts';
import { createSlowClients, type SlowClients } from './transport/slow-clients.ts';
import { createTrafficLimits, type TrafficLimits, type TrafficSettings } from './transport/traffic-limits.ts';

/** The interval at which a throttled sender is checked for having read its output. */
const THROTTLE_CHECK_MS = 20;

export interface EdgeDeps
  extends Omit<EngineOptions, 'onConnection' | 'connectLimit'>,
    TrafficSettings,
    HostRules {
  readonly backend: Pick<WorkerBackend, 'adapter'>;
  readonly namespaces: readonly string[];
  readonly limits: ClientLimits;
  /** The longest time messages of a room are gathered for one write. */
  readonly flushWindowMs: number;
  /** The most bytes that may wait for one client. */
  readonly maxBufferedBytes: number;
  readonly saturation: Saturation;
  readonly onFlush: DeliveryDeps['onFlush'];
  readonly log: Logger;
}

/** One worker's Socket.IO server, with limits on what clients send and on what waits for them. */
export interface Edge {
  readonly engine: ReturnType<typeof createChatEngine>['engine'];
  readonly traffic: TrafficLimits;
  readonly delivery: Delivery;
  readonly slowClients: SlowClients;
  of(nsp: string): ChatNamespace;
  readonly namespaces: readonly ChatNamespace[];
  clients(): number;
  /** Counts them one by one: for a scrape, not for every event. */
  pollingClients(): number;
  /** Routes requests by path: to Engine.IO, or to `handle`. */
  route(handle: (request: IncomingMessage, response: ServerResponse) => void): Routes;
  close(): void;
}

export async function openEdge(deps: EdgeDeps): Promise<Edge & Sized> {
  const { flushWindowMs, saturation, maxBufferedBytes, onFlush, log } = deps;
  const traffic = createTrafficLimits({
    ...deps,
    internals: () => internals,
    throttle: { received: (connection, bytes) => throttle.received(connection, bytes) },
    namespaces: deps.namespaces.length,
    maxTextBytes: deps.limits.maxTextBytes,
  });
  const { connectLimit } = traffic;
  const chatEngine = createChatEngine({ ...deps, connectLimit, onConnection: traffic.connections.watch });
  const { io, engine } = chatEngine;
  io.adapter(deps.backend.adapter as never);
  const of = (nsp: string): ChatNamespace => io.of(nsp);
  const namespaces = deps.namespaces.map(of);
  const delivery = await openDelivery({ of, namespaces, engine, flushWindowMs, saturation, onFlush, log });
  const { internals } = delivery;
  function* sockets() {
    for (const nsp of namespaces) yield* nsp.sockets.values();
  }
  const slowClients = createSlowClients({
    internals,
    sockets,
    maxBufferedBytes,
    random: Math.random,
    log,
  });
  const sendVolatile = internals.volatileUnless(slowClients.isBehind);
  for (const nsp of namespaces) nsp.on('connection', sendVolatile);
  const throttle = createReadThrottle({
    internals,
    isBehind: slowClients.isBehind,
    nextTurn: setImmediate,
    later: (callback) => setTimeout(callback, THROTTLE_CHECK_MS),
  });

  return {
    sizes: () => ({
      connections: engine.clientsCount,
      traffic: traffic.sizes(),
      delivery: delivery.sizes(),
      slowClients: slowClients.sizes(),
      throttle: throttle.sizes(),
    }),
    engine,
    traffic,
    delivery,
    slowClients,
    of,
    namespaces,
    clients: () => namespaces.reduce((sum, nsp) => sum + nsp.sockets.size, 0),
    pollingClients() {
      let polling = 0;
      for (const { conn } of sockets()) if (conn.transport.name === 'polling') polling += 1;
      return polling;
    },
    route(handle) {
      const answering = (request: IncomingMessage, response: ServerResponse) =>
        internals.answering(engine, request, response);
      return guardHosts(chatEngine.route(handle, answering), deps, log);
    },
    close() {
      slowClients.close();
      traffic.connections.close();
      delivery.close();
      engine.close();
    },
  };
}

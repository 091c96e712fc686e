import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setupWorker } from '@socket.io/sticky';
import type { Server as Engine } from 'engine.io';
import { CONNECTION } from './front-upstream.ts';
import { closeAfterResponse, enableLingeringClose } from './lingering-close.ts';
import type { OpenConnections } from './open-connections.ts';

export interface FrontWorkerDeps {
  /** Already bound to its Socket.IO server. */
  readonly engine: Engine;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly connections: Pick<OpenConnections, 'watch'>;
  /** The time limit for a request to arrive. */
  readonly requestTimeoutMs?: number;
}

export interface FrontWorker {
  close(): void;
}

/**
 * Receives the connections of the front door. Open it before the worker reports that it is ready: a socket that is sent
 * to a process that does not listen yet is lost.
 *
 * It has its own HTTP server, which never listens. @socket.io/sticky, which reports sessions to the primary, makes every
 * response of its server close the connection, since the next request may belong to a session of another worker. The
 * worker's own port keeps connections open.
 */
export function openFrontWorker(deps: FrontWorkerDeps): FrontWorker {
  const { requestTimeoutMs = 15_000 } = deps;
  const asked = new WeakMap<Duplex, ServerResponse>();
  const httpServer = createServer(
    {
      headersTimeout: Math.min(requestTimeoutMs, 10_000),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(requestTimeoutMs, 2_000),
    },
    (request, response) => {
      const first = asked.get(request.socket);
      if (first) return endPipelining(request.socket, first);
      asked.set(request.socket, response);
      deps.onRequest(request, response);
    },
  );
  httpServer.on('upgrade', (request, socket, head) => {
    if (asked.has(socket)) socket.destroy();
    else deps.onUpgrade(request, socket, head);
  });
  enableLingeringClose(httpServer);
  deps.connections.watch(httpServer);
  setupWorker({ httpServer, engine: deps.engine } as unknown as Parameters<typeof setupWorker>[0]);
  const take = (message: { type?: unknown; data?: unknown } | null, socket: unknown) => {
    // The socket is absent if the client closed it on the way.
    if (message?.type !== CONNECTION || !(socket instanceof Socket)) return;
    httpServer.emit('connection', socket);
    // Later than sticky does it: the server would get a large first part of a body before its socket flows, and a tick
    // later resume what it had paused. An unread body then filled the memory.
    socket.once('resume', () => socket.unshift(message.data));
  };
  process.on('message', take);
  // Node starts the timeouts of unfinished requests at this event. A request that never ends would stay open without
  // it.
  httpServer.emit('listening');
  return {
    close() {
      process.off('message', take);
      httpServer.close(() => {});
    },
  };
}

/**
 * The front door has not seen what a client pipelines after its first request, so the connection ends with the first
 * response. Node would keep each pipelined request until those before it are answered, and a poll is open for half a
 * minute.
 */
function endPipelining(socket: Socket, first: ServerResponse): void {
  if (!first.writableEnded) socket.destroy();
  if (socket.writableEnded || socket.destroyed) return;
  // The response may still be in flight: stop parsing what arrives meanwhile.
  socket.removeAllListeners('data');
  closeAfterResponse(socket, socket);
}

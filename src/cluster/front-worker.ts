import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setupWorker } from '@socket.io/sticky';
import type { Server as Engine } from 'engine.io';
import { CONNECTION } from './front-upstream.ts';
import { closeAfterResponse, enableLingeringClose } from './lingering-close.ts';

export interface FrontWorkerDeps {
  /** Bound to its Socket.IO server already. */
  readonly engine: Engine;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** How long a request may take to arrive. */
  readonly requestTimeoutMs?: number;
}

export interface FrontWorker {
  close(): void;
}

/**
 * Takes over what comes through the front door. To be opened before the worker says it is ready: sockets sent to a
 * process that does not listen for them yet are lost.
 *
 * It has an HTTP server of its own, which never listens: @socket.io/sticky, which tells the primary of sessions, makes every response of its server close the
 * connection, since the next request on it may belong to a session of another worker. On the worker's own port
 * connections are kept.
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
  setupWorker({ httpServer, engine: deps.engine } as unknown as Parameters<typeof setupWorker>[0]);
  const take = (message: { type?: unknown; data?: unknown } | null, socket: unknown) => {
    // No socket: its client closed it on the way.
    if (message?.type !== CONNECTION || !(socket instanceof Socket)) return;
    httpServer.emit('connection', socket);
    // Not at once, as sticky does: the server would be told of a large first part of a body before its socket flows, and
    // resume, a tick later, what it had paused. A body that nobody read then filled the memory.
    socket.once('resume', () => socket.unshift(message.data));
  };
  process.on('message', take);
  // Node starts the timers that end unfinished requests at this event, which a server that never listens has not:
  // a request without an end stayed open for ever.
  httpServer.emit('listening');
  return {
    close() {
      process.off('message', take);
      httpServer.close(() => {});
    },
  };
}

/**
 * What a client sends after its first request without waiting was not looked at by the front: it gets no answer. Node
 * keeps each such request until those before it are answered, and a poll is open for half a minute.
 */
function endPipelining(socket: Socket, first: ServerResponse): void {
  if (!first.writableEnded) socket.destroy();
  if (socket.writableEnded || socket.destroyed) return;
  // The answer may still be on its way: what comes meanwhile is not taken for requests any more.
  socket.removeAllListeners('data');
  closeAfterResponse(socket, socket);
}

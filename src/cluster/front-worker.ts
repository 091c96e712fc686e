import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setupWorker } from '@socket.io/sticky';
import type { Server as Engine } from 'engine.io';

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
 * It has an HTTP server of its own, which never listens: sticky makes every response of its server close the
 * connection, since the next request on it may belong to a session of another worker. On the worker's own port
 * connections are kept.
 */
export function openFrontWorker(deps: FrontWorkerDeps): FrontWorker {
  const { requestTimeoutMs = 18_000 } = deps;
  const httpServer = createServer(
    {
      headersTimeout: Math.min(requestTimeoutMs, 10_000),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(requestTimeoutMs, 2_000),
    },
    deps.onRequest,
  );
  httpServer.on('upgrade', deps.onUpgrade);
  // An uploading client is a FakeSocket of sticky's, whose readable side never ends: without this every POST leaves
  // a socket and its parser behind in the worker.
  httpServer.on('connection', (socket: Duplex) => {
    if (!(socket instanceof Socket)) socket.once('finish', () => socket.destroy());
  });
  setupWorker({ httpServer, engine: deps.engine } as unknown as Parameters<typeof setupWorker>[0]);
  // Node starts the timers that end unfinished requests at this event, which a server that never listens has not:
  // a request without an end stayed open for ever.
  httpServer.emit('listening');
  return {
    close() {
      httpServer.close(() => {});
    },
  };
}

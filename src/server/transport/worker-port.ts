import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { enableLingeringClose } from '../../cluster/lingering-close.ts';
import type { OpenConnections } from '../../cluster/open-connections.ts';
import type { Routes } from './engine.ts';
import { oneAfterAnother } from './pipelined-requests.ts';
import { parseNothingOfDestroyed } from './private-http.ts';

export interface WorkerPortDeps {
  readonly routes: Routes;
  readonly connections: Pick<OpenConnections, 'watch'>;
  readonly log: Logger;
  /** Limit for a request to arrive, its body included. */
  readonly requestTimeoutMs?: number;
}

/** The HTTP server on a worker's own port. */
export interface WorkerPort {
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Stops accepting connections. Open ones stay until their next response. */
  close(): void;
}

const BACKLOG = 4_096;
export const REQUEST_TIMEOUT_MS = 15_000;
/** Node's defaults are 60 s for the headers and 300 s for the body, checked every 30 s. */
export const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_MS = 2_000;

/** Has the same time limits as the front door: a client that sends a request byte by byte is disconnected. */
export function createWorkerPort({
  routes,
  connections,
  log,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
}: WorkerPortDeps): WorkerPort {
  const server = createServer(
    {
      headersTimeout: Math.min(requestTimeoutMs, HEADERS_TIMEOUT_MS),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(requestTimeoutMs, CHECK_MS),
    },
    oneAfterAnother((request, response) => {
      // On a connection kept open, the client's next session would begin in the worker that is going away.
      if (!server.listening) response.shouldKeepAlive = false;
      routes.onRequest(request, response);
    }),
  );
  parseNothingOfDestroyed(server);
  server.on('upgrade', routes.onUpgrade);
  enableLingeringClose(server);
  connections.watch(server);
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, backlog: BACKLOG }, () => {
          server.off('error', reject);
          server.on('error', (error) => log.error({ err: error }, 'the listener failed'));
          const address = server.address();
          resolve({ port: typeof address === 'object' && address ? address.port : port });
        });
      }),
    close() {
      server.close();
    },
  };
}

import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Sized } from '../sizes.ts';

/** The rest is for the store, the bus, and new processes. MAX_WORKER_CLIENTS leaves more, for requests that are no clients. */
const CONNECTION_FILES = 0.95;

export const TOO_MANY_OPEN = 'a connection was closed, because too many are open';

/** The connections of a process, whoever they are of and however far they have come. */
export interface OpenConnections extends Sized {
  /** Counts the connections of this server from now on, and closes those beyond the most. */
  watch(server: HttpServer): void;
}

export interface OpenConnectionsDeps {
  /** Infinite if there is no limit. */
  readonly most: number;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Keeps some of the process's files for itself. MAX_WORKER_CLIENTS bounds the clients, and not connections that have sent half a
 * request or do not read their answer: a worker whose files they all took could not reach the store again.
 */
export function createOpenConnections({ most, log }: OpenConnectionsDeps): OpenConnections {
  let open = 0;

  function closed(): void {
    open -= 1;
  }

  function count(socket: Socket): void {
    if (open < most) {
      open += 1;
      socket.once('close', closed);
      return;
    }
    socket.destroy();
    log.warn({ connections: open }, TOO_MANY_OPEN);
  }

  return {
    sizes: () => ({ open }),
    watch(server) {
      server.prependListener('connection', count);
    },
  };
}

/** Returns the most connections of a process that may open so many files. */
export function connectionsWithin(openFiles: number | undefined): number {
  return openFiles === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max(1, Math.floor(openFiles * CONNECTION_FILES));
}

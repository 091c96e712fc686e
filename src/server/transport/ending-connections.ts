import type { Socket } from 'node:net';
import type { Sized } from '../../sizes.ts';
import type { Connection, ConnectionInternals } from './private-members.ts';

/*
 * After a close ws reads on until the client's close frame, for up to 30 s, and a client can send a million uncounted frames a
 * second meanwhile. This module accepts what an honest client has in flight, and terminates clients that go on sending or never
 * answer.
 */

/** What the client was sent last takes a while to reach it. */
const LAST_MS = 1_000;
const CHECK_MS = 20;
/** The bytes that may be in flight when the connection closes. */
const MAX_LATE_BYTES = 64 * 1024;
/** The close frame of a slow client takes a while. */
const MAX_CHECKS = 5_000 / CHECK_MS;

export interface EndingConnections {
  /** The connection was closed, by either side. */
  closed(connection: Connection): void;
  /** Closes it. The client gets everything sent so far; the worker reads nothing more from it. */
  closeSoon(connection: Connection): void;
  close(): void;
}

interface Ending {
  readonly connection: Connection;
  readonly stream: Socket;
  readonly bytesAtEnd: number;
  checks: number;
}

export function createEndingConnections(
  internals: Pick<ConnectionInternals, 'pauseReading' | 'streamOf' | 'terminate'>,
): EndingConnections & Sized {
  const endings = new Set<Ending>();
  const lastTimers = new Set<NodeJS.Timeout>();
  let checking: NodeJS.Timeout | undefined;

  function check(): void {
    for (const ending of endings) {
      const { connection, stream, bytesAtEnd } = ending;
      ending.checks += 1;
      const goesOn = stream.bytesRead - bytesAtEnd > MAX_LATE_BYTES || ending.checks > MAX_CHECKS;
      if (goesOn) internals.terminate(connection);
      if (goesOn || stream.destroyed) endings.delete(ending);
    }
    if (endings.size === 0) stop();
  }

  function stop(): void {
    clearInterval(checking);
    checking = undefined;
  }

  return {
    sizes: () => ({ endings: endings.size, lastTimers: lastTimers.size }),
    closed(connection) {
      const stream = internals.streamOf(connection);
      if (!stream || stream.destroyed) return;
      endings.add({ connection, stream, bytesAtEnd: stream.bytesRead, checks: 0 });
      checking ??= setInterval(check, CHECK_MS);
    },
    closeSoon(connection) {
      connection.close();
      internals.pauseReading(connection);
      const timer = setTimeout(() => {
        lastTimers.delete(timer);
        internals.terminate(connection);
      }, LAST_MS);
      lastTimers.add(timer);
    },
    close() {
      for (const timer of lastTimers) clearTimeout(timer);
      endings.clear();
      stop();
    },
  };
}

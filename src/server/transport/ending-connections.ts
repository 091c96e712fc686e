import type { Socket } from 'node:net';
import type { Connection, ConnectionInternals } from './private-members.ts';

/*
 * ws reads on until its client has said farewell too, for up to 30 s: frames that nobody counts any more, a million a second. What
 * an honest client had under way is read; who goes on sending, or says nothing, is cut off.
 */

const LOOK_MS = 20;
/** As much may have been under way. */
const MAX_LATE_BYTES = 64 * 1024;
/** A slow connection's farewell takes a while. */
const MAX_LOOKS = 5_000 / LOOK_MS;

export interface EndingConnections {
  /** The connection closed, by whomever. */
  closed(connection: Connection): void;
  close(): void;
}

interface Ending {
  readonly connection: Connection;
  readonly stream: Socket;
  readonly bytesAtEnd: number;
  looks: number;
}

export function createEndingConnections(
  internals: Pick<ConnectionInternals, 'streamOf' | 'terminate'>,
): EndingConnections {
  const endings = new Set<Ending>();
  let looking: NodeJS.Timeout | undefined;

  function look(): void {
    for (const ending of endings) {
      const { connection, stream, bytesAtEnd } = ending;
      ending.looks += 1;
      const goesOn = stream.bytesRead - bytesAtEnd > MAX_LATE_BYTES || ending.looks > MAX_LOOKS;
      if (goesOn) internals.terminate(connection);
      if (goesOn || stream.destroyed) endings.delete(ending);
    }
    if (endings.size === 0) stop();
  }

  function stop(): void {
    clearInterval(looking);
    looking = undefined;
  }

  return {
    closed(connection) {
      const stream = internals.streamOf(connection);
      if (!stream || stream.destroyed) return;
      endings.add({ connection, stream, bytesAtEnd: stream.bytesRead, looks: 0 });
      looking ??= setInterval(look, LOOK_MS);
    },
    close() {
      endings.clear();
      stop();
    },
  };
}

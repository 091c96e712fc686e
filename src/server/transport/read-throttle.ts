import type { Connection, ConnectionInternals } from './private-members.ts';

/** More events than this of one connection in one turn of the event loop: the others have a turn before its next ones. */
const EVENTS_PER_TURN = 64;

export interface ReadThrottleDeps {
  readonly internals: Pick<ConnectionInternals, 'pauseReading' | 'resumeReading'>;
  /** Whether much waits for the connection. */
  readonly isBehind: (connection: Connection) => boolean;
  /** Calls back in the next turn of the event loop. */
  readonly nextTurn: (callback: () => void) => void;
  /** Calls back in a moment. */
  readonly later: (callback: () => void) => void;
}

/**
 * Shares out the reading. A turn of the event loop reads up to 2 MiB of each connection: fifty that send as fast as they can kept
 * one busy for 11 s, in which nobody else was served. So whoever sends much is read on only when its turn comes, one such
 * connection a turn; its sender notices by TCP. Not before it has taken its answers: they would pile up and make it a slow client.
 */
export interface ReadThrottle {
  /** An event of the connection arrived. */
  received(connection: Connection): void;
}

export function createReadThrottle({ internals, isBehind, nextTurn, later }: ReadThrottleDeps): ReadThrottle {
  const heard = new Map<Connection, number>();
  const paused = new Set<Connection>();
  const called = new Set<ReadThrottleDeps['later']>();

  function turn(): void {
    heard.clear();
    if (paused.size === 0) return;
    const next = firstToRead();
    if (next) {
      paused.delete(next);
      internals.resumeReading(next);
    }
    if (paused.size > 0) wait(next ? nextTurn : later);
  }

  function firstToRead(): Connection | undefined {
    for (const connection of paused) {
      // Of one that ends nothing more is read.
      if (connection.readyState !== 'open') paused.delete(connection);
      else if (!isBehind(connection)) return connection;
    }
    return undefined;
  }

  function wait(how: ReadThrottleDeps['later']): void {
    if (called.has(how)) return;
    called.add(how);
    how(() => {
      called.delete(how);
      turn();
    });
  }

  return {
    received(connection) {
      const events = (heard.get(connection) ?? 0) + 1;
      heard.set(connection, events);
      if (events > EVENTS_PER_TURN && !paused.has(connection)) {
        paused.add(connection);
        internals.pauseReading(connection);
      }
      wait(nextTurn);
    },
  };
}

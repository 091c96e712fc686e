import type { Sized } from '../../sizes.ts';
import type { Connection, ConnectionInternals } from './private-members.ts';

/** A connection that sends more packets or bytes in one turn of the event loop is paused, so that others are read first. */
export const PACKETS_PER_TURN = 64;
/** So many bytes of fragments with one byte each, 2,300, take about 3 ms. */
export const BYTES_PER_TURN = 16_384;

export interface ReadThrottleDeps {
  readonly internals: Pick<ConnectionInternals, 'pauseReading' | 'resumeReading'>;
  /** Returns whether the client has much unread output. */
  readonly isBehind: (connection: Connection) => boolean;
  /** Runs the callback in the next turn of the event loop. */
  readonly nextTurn: (callback: () => void) => void;
  /** Runs the callback after a short pause. */
  readonly later: (callback: () => void) => void;
}

/**
 * Flooding connections are read round-robin, so others still get served. A turn of the event loop reads up to 2 MiB of each
 * connection: fifty that send as fast as they can blocked it for 11 s, and one with 64 packets of 30 kB for 160 ms. A flooding
 * connection is paused and resumed when its turn comes, one such connection a turn; TCP slows down its sender. It is not resumed before the client has read its answers, which
 * would pile up and make it a slow client.
 */
export interface ReadThrottle {
  /** Counts a packet of the connection. MUST be called before the next packet is parsed. */
  received(connection: Connection, bytes: number): void;
}

export function createReadThrottle({
  internals,
  isBehind,
  nextTurn,
  later,
}: ReadThrottleDeps): ReadThrottle & Sized {
  /** The part that each connection has of what it may send in this turn. */
  const parts = new Map<Connection, number>();
  const paused = new Set<Connection>();
  const called = new Set<ReadThrottleDeps['later']>();

  function turn(): void {
    parts.clear();
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
      // A closing connection is not read any more.
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
    sizes: () => ({ parts: parts.size, paused: paused.size, called: called.size }),
    received(connection, bytes) {
      const part = (parts.get(connection) ?? 0) + 1 / PACKETS_PER_TURN + bytes / BYTES_PER_TURN;
      parts.set(connection, part);
      if (part > 1 && !paused.has(connection)) {
        paused.add(connection);
        internals.pauseReading(connection);
      }
      wait(nextTurn);
    },
  };
}

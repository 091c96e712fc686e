import type { Logger } from 'pino';
import { BYE } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { ClientSocket } from '../socket-types.ts';
import type { Connection, ConnectionInternals } from './private-members.ts';

/*
 * Backpressure for clients that do not read as fast as messages arrive. Their heartbeats may continue. States of a connection, by the
 * bytes that wait for its client:
 *
 *   caught up ──► behind: no volatile events, no further pages ──► caught up
 *                   │ more than MAX_BUFFERED_BYTES
 *                   ▼
 *                 closing: waiting packets dropped, `bye` sent, connection closed ──5 s──► terminated
 *
 * Dropping loses nothing: the client reconnects and resumes from what it has, as after any lost connection.
 */

const CHECK_MS = 500;
/** Connections checked in one turn of the event loop: checking 2,500 took 4 ms. */
const SLICE = 500;
/** A client that reads again gets its `bye` within this time. */
const TERMINATE_AFTER_MS = 5_000;
/** A connection is behind beyond this part of the limit. Two of the largest pages fit into the rest. */
const BEHIND_PART = 1 / 4;
const CAUGHT_UP_CHECK_MS = 50;
/** The client reconnects to a full page, so it gets a moment to read on. */
const RECONNECT_AFTER_MS = 1_000;

export interface SlowClientsDeps {
  readonly internals: Pick<ConnectionInternals, 'waitingBytes' | 'dropPackets' | 'terminate'>;
  readonly sockets: () => Iterable<ClientSocket>;
  readonly maxBufferedBytes: number;
  readonly random: () => number;
  readonly log: Logger;
}

export interface SlowClients {
  /** Returns whether an open connection is behind. */
  isBehind(connection: Connection): boolean;
  /** Resolves when the connection has caught up or ended. Undefined if it is not behind. */
  caughtUp(connection: Connection): Promise<void> | undefined;
  /** Number of connections closed as too slow. */
  closedCount(): number;
  /** Largest number of bytes that waited for one client at the last check. */
  mostWaitingBytes(): number;
  close(): void;
}

export function createSlowClients(deps: SlowClientsDeps): SlowClients & Sized {
  const { internals, sockets, maxBufferedBytes, random, log } = deps;
  const behindBytes = maxBufferedBytes * BEHIND_PART;
  const ending = new Set<NodeJS.Timeout>();
  let round = sockets()[Symbol.iterator]();
  let next: NodeJS.Immediate | undefined;
  let most = 0;
  let closedCount = 0;
  let mostWaitingBytes = 0;

  function startRound(): void {
    // The last round may not be finished.
    if (next) return;
    most = 0;
    round = sockets()[Symbol.iterator]();
    checkSlice();
  }

  function checkSlice(): void {
    next = undefined;
    const slow = new Set<Connection>();
    for (let checked = 0; checked < SLICE; checked += 1) {
      const { done, value: socket } = round.next();
      if (done) {
        mostWaitingBytes = most;
        break;
      }
      if (isTooSlow(socket.conn)) slow.add(socket.conn);
      if (checked === SLICE - 1) next = setImmediate(checkSlice);
    }
    if (slow.size > 0) disconnect(slow);
  }

  function isTooSlow(connection: Connection): boolean {
    if (connection.readyState !== 'open') return false;
    const waitingBytes = internals.waitingBytes(connection);
    most = Math.max(most, waitingBytes);
    return waitingBytes > maxBufferedBytes;
  }

  function disconnect(slow: ReadonlySet<Connection>): void {
    for (const connection of slow) internals.dropPackets(connection);
    // Namespaces share a connection: each of its sockets gets a `bye` before it closes.
    for (const socket of sockets()) {
      if (!slow.has(socket.conn)) continue;
      socket.emit('bye', {
        code: BYE.slow,
        reason: 'this client does not read what it is sent fast enough',
        reconnect: true,
        afterMs: Math.round(RECONNECT_AFTER_MS * (1 + random())),
      });
    }
    for (const connection of slow) {
      closedCount += 1;
      // A closed connection is terminated as well: its bytes still wait to be read.
      const timer = setTimeout(() => {
        ending.delete(timer);
        internals.terminate(connection);
      }, TERMINATE_AFTER_MS);
      ending.add(timer);
      connection.close();
    }
    log.warn({ clients: slow.size }, 'clients that read too slowly were disconnected');
  }

  function isBehind(connection: Connection): boolean {
    return internals.waitingBytes(connection) > behindBytes && connection.readyState === 'open';
  }

  async function catchUp(connection: Connection): Promise<void> {
    while (isBehind(connection)) {
      await new Promise((resolve) => setTimeout(resolve, CAUGHT_UP_CHECK_MS));
    }
  }

  const checks = setInterval(startRound, CHECK_MS);
  return {
    sizes: () => ({ ending: ending.size }),
    isBehind,
    caughtUp: (connection) => (isBehind(connection) ? catchUp(connection) : undefined),
    closedCount: () => closedCount,
    mostWaitingBytes: () => mostWaitingBytes,
    close() {
      clearInterval(checks);
      clearImmediate(next);
      for (const timer of ending) clearTimeout(timer);
    },
  };
}

import type { Logger } from 'pino';
import { BYE } from '../../protocol/codes.ts';
import type { ClientSocket } from '../socket-types.ts';
import type { Connection, ConnectionInternals } from './private-members.ts';

/*
 * A client that does not read, or not as fast as it is sent to. Its heartbeat may well go on. What waits for a connection:
 *
 *   little ──► behind: nothing volatile is sent, no further page read for it ──► little
 *                │ more than may wait
 *                ▼
 *              let go: what waits is dropped, `bye` is sent, the engine closes ──5 s──► terminated
 *
 * Nothing is lost by the drop: it comes back and resumes from what it has, as after any lost connection.
 */

const LOOK_MS = 500;
/** Connections looked at in one turn: 2,500 at once took 4 ms. */
const SLICE = 500;
/** As long as it takes somebody who reads again to fetch its `bye`. */
const LAST_MS = 5_000;
/** Of what may wait: beyond it the connection is behind. Two of the largest pages stay below the rest. */
const BEHIND_PART = 1 / 4;
const CAUGHT_UP_LOOK_MS = 50;
/** It comes back to a full page: not before it has read on for a moment. */
const AFTER_MS = 1_000;

export interface SlowClientsDeps {
  readonly internals: Pick<
    ConnectionInternals,
    'waitingBytes' | 'dropPackets' | 'dropVolatile' | 'terminate'
  >;
  readonly sockets: () => Iterable<ClientSocket>;
  readonly maxBufferedBytes: number;
  readonly random: () => number;
  readonly log: Logger;
}

export interface SlowClients {
  /** Whether more waits for the connection than should; not of one that ends. */
  isBehind(connection: Connection): boolean;
  /** Undefined: little waits for the connection. Else settles when that is so again, or the connection ends. */
  caughtUp(connection: Connection): Promise<void> | undefined;
  /** How many were let go. */
  letGo(): number;
  /** For whom the most waited at the last look: how much. */
  mostWaitingBytes(): number;
  close(): void;
}

export function createSlowClients(deps: SlowClientsDeps): SlowClients {
  const { internals, sockets, maxBufferedBytes, random, log } = deps;
  const behindBytes = maxBufferedBytes * BEHIND_PART;
  const behind = new Set<Connection>();
  const watched = new WeakSet<Connection>();
  const ending = new Set<NodeJS.Timeout>();
  let round = sockets()[Symbol.iterator]();
  let next: NodeJS.Immediate | undefined;
  let most = 0;
  let letGo = 0;
  let mostWaitingBytes = 0;

  function look(): void {
    // The last round may still go on.
    if (next) return;
    most = 0;
    round = sockets()[Symbol.iterator]();
    lookOn();
  }

  function lookOn(): void {
    next = undefined;
    const slow = new Set<Connection>();
    for (let looked = 0; looked < SLICE; looked += 1) {
      const { done, value: socket } = round.next();
      if (done) {
        mostWaitingBytes = most;
        break;
      }
      if (isTooSlow(socket.conn)) slow.add(socket.conn);
      if (looked === SLICE - 1) next = setImmediate(lookOn);
    }
    if (slow.size > 0) release(slow);
  }

  function isTooSlow(connection: Connection): boolean {
    if (connection.readyState !== 'open') return false;
    const waitingBytes = internals.waitingBytes(connection);
    most = Math.max(most, waitingBytes);
    if (waitingBytes > behindBytes || behind.size > 0) mark(connection, waitingBytes > behindBytes);
    return waitingBytes > maxBufferedBytes;
  }

  function mark(connection: Connection, isBehind: boolean): void {
    if (isBehind === behind.has(connection)) return;
    internals.dropVolatile(connection, isBehind);
    if (!isBehind) {
      behind.delete(connection);
      return;
    }
    behind.add(connection);
    if (watched.has(connection)) return;
    // One for the connection's life: it may fall behind again and again.
    watched.add(connection);
    connection.once('close', () => behind.delete(connection));
  }

  function release(slow: ReadonlySet<Connection>): void {
    for (const connection of slow) internals.dropPackets(connection);
    // Namespaces share a connection: all of them are told before it closes.
    for (const socket of sockets()) {
      if (!slow.has(socket.conn)) continue;
      socket.emit('bye', {
        code: BYE.slow,
        reason: 'this client does not read what it is sent fast enough',
        reconnect: true,
        afterMs: Math.round(AFTER_MS * (1 + random())),
      });
    }
    for (const connection of slow) {
      letGo += 1;
      // Also of a connection that has closed by then: its bytes still wait for somebody to read them.
      const timer = setTimeout(() => {
        ending.delete(timer);
        internals.terminate(connection);
      }, LAST_MS);
      ending.add(timer);
      connection.close();
    }
    log.warn({ clients: slow.size }, 'clients that read too slowly were let go');
  }

  function isBehind(connection: Connection): boolean {
    return internals.waitingBytes(connection) > behindBytes && connection.readyState === 'open';
  }

  async function catchUp(connection: Connection): Promise<void> {
    while (isBehind(connection)) {
      await new Promise((resolve) => setTimeout(resolve, CAUGHT_UP_LOOK_MS));
    }
  }

  const looking = setInterval(look, LOOK_MS);
  return {
    isBehind,
    caughtUp: (connection) => (isBehind(connection) ? catchUp(connection) : undefined),
    letGo: () => letGo,
    mostWaitingBytes: () => mostWaitingBytes,
    close() {
      clearInterval(looking);
      clearImmediate(next);
      for (const timer of ending) clearTimeout(timer);
    },
  };
}

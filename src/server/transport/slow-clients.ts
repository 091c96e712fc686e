import type { Logger } from 'pino';
import { BYE } from '../../protocol/codes.ts';
import type { ClientSocket } from '../socket-types.ts';
import type { Link, LinkInternals } from './link-internals.ts';

/*
 * A client that does not read, or not as fast as it is sent to. Its heartbeat may well go on. What waits for a link:
 *
 *   little ──► behind: nothing volatile is sent, no further page read for it ──► little
 *                │ more than may wait
 *                ▼
 *              let go: what waits is dropped, `bye` is sent, the engine closes ──5 s──► terminated
 *
 * Nothing is lost by the drop: it comes back and resumes from what it has, as after any lost link.
 */

const LOOK_MS = 500;
/** Links looked at in one turn: 2,500 at once took 4 ms. */
const SLICE = 500;
/** As long as it takes somebody who reads again to fetch its `bye`. */
const LAST_MS = 5_000;
/** Of what may wait: beyond it the link is behind. Two of the largest pages stay below the rest. */
const BEHIND_PART = 1 / 4;
const CAUGHT_UP_LOOK_MS = 50;
/** It comes back to a full page: not before it has read on for a moment. */
const AFTER_MS = 1_000;

export interface SlowClientsDeps {
  readonly links: Pick<LinkInternals, 'waitingBytes' | 'dropPackets' | 'dropVolatile' | 'terminate'>;
  readonly sockets: () => Iterable<ClientSocket>;
  readonly maxBufferedBytes: number;
  readonly random: () => number;
  readonly log: Logger;
}

export interface SlowClients {
  /** Whether more waits for the link than should; not of one that ends. */
  isBehind(link: Link): boolean;
  /** Undefined: little waits for the link. Else settles when that is so again, or the link ends. */
  caughtUp(link: Link): Promise<void> | undefined;
  /** How many were let go. */
  letGo(): number;
  /** For whom the most waited at the last look: how much. */
  mostWaitingBytes(): number;
  close(): void;
}

export function createSlowClients(deps: SlowClientsDeps): SlowClients {
  const { links, sockets, maxBufferedBytes, random, log } = deps;
  const behindBytes = maxBufferedBytes * BEHIND_PART;
  const behind = new Set<Link>();
  const watched = new WeakSet<Link>();
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
    const slow = new Set<Link>();
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

  function isTooSlow(link: Link): boolean {
    if (link.readyState !== 'open') return false;
    const waitingBytes = links.waitingBytes(link);
    most = Math.max(most, waitingBytes);
    if (waitingBytes > behindBytes || behind.size > 0) mark(link, waitingBytes > behindBytes);
    return waitingBytes > maxBufferedBytes;
  }

  function mark(link: Link, isBehind: boolean): void {
    if (isBehind === behind.has(link)) return;
    links.dropVolatile(link, isBehind);
    if (!isBehind) {
      behind.delete(link);
      return;
    }
    behind.add(link);
    if (watched.has(link)) return;
    // One for the link's life: it may fall behind again and again.
    watched.add(link);
    link.once('close', () => behind.delete(link));
  }

  function release(slow: ReadonlySet<Link>): void {
    for (const link of slow) links.dropPackets(link);
    // Namespaces share a link: all of them are told before it closes.
    for (const socket of sockets()) {
      if (!slow.has(socket.conn)) continue;
      socket.emit('bye', {
        code: BYE.slow,
        reason: 'this client does not read what it is sent fast enough',
        reconnect: true,
        afterMs: Math.round(AFTER_MS * (1 + random())),
      });
    }
    for (const link of slow) {
      letGo += 1;
      // Also of a link that has closed by then: its bytes still wait for somebody to read them.
      const timer = setTimeout(() => {
        ending.delete(timer);
        links.terminate(link);
      }, LAST_MS);
      ending.add(timer);
      link.close();
    }
    log.warn({ clients: slow.size }, 'clients that read too slowly were let go');
  }

  function isBehind(link: Link): boolean {
    return links.waitingBytes(link) > behindBytes && link.readyState === 'open';
  }

  async function catchUp(link: Link): Promise<void> {
    while (isBehind(link)) {
      await new Promise((resolve) => setTimeout(resolve, CAUGHT_UP_LOOK_MS));
    }
  }

  const looking = setInterval(look, LOOK_MS);
  return {
    isBehind,
    caughtUp: (link) => (isBehind(link) ? catchUp(link) : undefined),
    letGo: () => letGo,
    mostWaitingBytes: () => mostWaitingBytes,
    close() {
      clearInterval(looking);
      clearImmediate(next);
      for (const timer of ending) clearTimeout(timer);
    },
  };
}

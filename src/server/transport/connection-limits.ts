import { createBucket, type Rate } from '../../chat/rate-limit.ts';
import { BYE, refuse } from '../../protocol/codes.ts';
import type { ClientSocket } from '../socket-types.ts';
import type { AddressBudgets } from './address-budgets.ts';
import type { ClientAddresses } from './client-address.ts';
import type { ConnectLimit } from './connect-limit.ts';
import { ConnectionBudget, Traffic, type TrafficRates } from './connection-budget.ts';
import { createEndingConnections } from './ending-connections.ts';
import { eventHeadOf, hasMoreElements, IncomingPacket } from './incoming-packet.ts';
import { hasMorePackets } from './post-packets.ts';
import type { Connection, ConnectionInternals } from './private-members.ts';

/*
 * What a connection sends is counted before it is decoded, refused packets too:
 *
 *   packet ──► within its rate ──► decoded
 *                │ over it               ▲ only its name
 *                ▼                       │
 *              rate_limited, and counted all the same ──► deep in debt: `bye`, the engine closes
 *
 * Parsing is most of what a small event costs, and a large one takes a worker 250 ms.
 */

/** Stock clients send what has gathered in one POST; none has so many packets waiting. */
const MAX_POST_PACKETS = 2_000;
/** A token, and where the client stands in its room and inbox. */
const MAX_CONNECT_BYTES = 64 * 1024;
/** The name of a namespace. */
const MAX_DISCONNECT_BYTES = 1_024;
/** Of another transport; a stock client sends one. */
const MAX_PROBES = 8;
/** Entering a namespace costs more than all else, and makes a new guest. */
const CONNECT_RATE: Rate = { perMs: 1 / 1_000, burst: 20 };
/** As long as it takes somebody who reads to fetch its `bye`. */
const LAST_MS = 1_000;
const MIN_AFTER_MS = 1_000;
const MAX_AFTER_MS = 30_000;
const EIO3 = 3;

export interface ConnectionLimitsDeps {
  readonly internals: Pick<
    ConnectionInternals,
    'inspectPosts' | 'pauseReading' | 'streamOf' | 'terminate' | 'terminateTransport'
  >;
  readonly rates: TrafficRates;
  readonly addresses: Pick<ClientAddresses, 'personal'>;
  readonly book: Pick<AddressBudgets, 'trafficOf'>;
  readonly connectLimit: ConnectLimit;
  readonly namespaces: number;
  /** More `,` `:` `[` `{` than this are in no event. */
  readonly maxElements: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly random: () => number;
}

export interface ConnectionLimits {
  /** Counts what the connection sends from now on. To be called before Socket.IO listens to it. */
  watch(connection: Connection): void;
  /** The connection was let into a namespace. */
  entered(socket: ClientSocket): ConnectionBudget;
  left(socket: ClientSocket): void;
  /** How many connections were let go. */
  letGo(): number;
  close(): void;
}

interface EnginePacket {
  type: string;
  data?: unknown;
}

export function createConnectionLimits(deps: ConnectionLimitsDeps): ConnectionLimits {
  const { internals, rates, addresses, book, connectLimit, maxElements, now, random } = deps;
  const connectRate = { ...CONNECT_RATE, burst: CONNECT_RATE.burst + deps.namespaces };
  const budgets = new WeakMap<Connection, ConnectionBudget>();
  const ending = new Set<NodeJS.Timeout>();
  const endings = createEndingConnections(internals);
  let letGo = 0;

  function budgetOf(connection: Connection): ConnectionBudget {
    let budget = budgets.get(connection);
    if (!budget) {
      budget = new ConnectionBudget(new Traffic(rates, now), addresses.personal(connection.request));
      budgets.set(connection, budget);
    }
    return budget;
  }

  /** Called by Engine.IO on the connection. One for all of them: a closure for each costs memory. */
  function hear(this: Connection, packet: EnginePacket): void {
    const { type, data } = packet;
    const budget = budgetOf(this);
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : 0;
    const waitMs = budget.ended ? 0 : take(budget, bytes);
    if (budget.traffic.isDeepInDebt) end(this, budget);
    if (budget.ended) ignore(packet);
    // Anything but text is refused by the decoder.
    else if (type === 'message' && typeof data === 'string') {
      if (mayDecode(this, budget, data, bytes)) {
        packet.data = new IncomingPacket(data, bytes, refusalOf(data, waitMs));
      } else ignore(packet);
    }
  }

  /** Called by Engine.IO on a connection that polls, for each probe of another transport: they are answered without end. */
  function probed(this: Connection, transport: unknown): void {
    const budget = budgetOf(this);
    budget.probes += 1;
    if (budget.probes > MAX_PROBES) internals.terminateTransport(transport);
  }

  function closed(this: Connection): void {
    endings.closed(this);
  }

  function take({ traffic, address }: ConnectionBudget, bytes: number): number {
    const ownMs = traffic.take(bytes);
    const sharedMs = address === undefined ? 0 : book.trafficOf(address).take(bytes);
    return Math.max(ownMs, sharedMs);
  }

  function mayDecode(connection: Connection, budget: ConnectionBudget, text: string, bytes: number): boolean {
    if (text.startsWith('0')) {
      const tooMuch = bytes > MAX_CONNECT_BYTES || !mayEnter(budget);
      if (tooMuch) end(connection, budget);
      return !tooMuch;
    }
    if (text.startsWith('1') && bytes > MAX_DISCONNECT_BYTES) {
      end(connection, budget);
      return false;
    }
    // Before it is in a namespace, as Socket.IO does it, who would parse it first. Its 2.x is in one from the start.
    if (budget.sockets.length > 0 || connection.protocol === EIO3) return true;
    connection.close();
    return false;
  }

  function mayEnter(budget: ConnectionBudget): boolean {
    budget.connects += 1;
    // Each namespace once: opening the connection was counted.
    if (budget.connects <= deps.namespaces) return true;
    const again = budget.bucket('connect', () => createBucket(connectRate, now));
    return again.take() === 0 && connectLimit.takeAgain(budget.address) === 0;
  }

  function refusalOf(text: string, waitMs: number) {
    // Entering has a limit of its own; who leaves must not stay listed.
    if (text.startsWith('0') || text.startsWith('1')) return undefined;
    if (waitMs > 0) return refuse('rate_limited', 'too many events', waitMs).error;
    if (!hasMoreElements(text, maxElements)) return undefined;
    // The only event with data of any form, which has a limit of its own.
    const code = eventHeadOf(text)?.name === 'todo' ? 'too_large' : 'bad_request';
    return refuse(code, 'payload: has more elements than any event').error;
  }

  function end(connection: Connection, budget: ConnectionBudget): void {
    if (budget.ended) return;
    budget.ended = true;
    letGo += 1;
    const owedMs = Math.min(MAX_AFTER_MS, Math.max(MIN_AFTER_MS, budget.traffic.debtMs));
    const afterMs = Math.round(owedMs * (1 + random()));
    for (const socket of budget.sockets) {
      socket.emit('bye', {
        code: BYE.overLimit,
        reason: 'this client sends more than a client may',
        reconnect: true,
        afterMs,
      });
    }
    connection.close();
    internals.pauseReading(connection);
    const timer = setTimeout(() => {
      ending.delete(timer);
      internals.terminate(connection);
    }, LAST_MS);
    ending.add(timer);
  }

  function accept(connection: Connection, payload: string | Buffer): boolean {
    if (!hasMorePackets(payload, connection.protocol, MAX_POST_PACKETS)) return true;
    end(connection, budgetOf(connection));
    return false;
  }

  return {
    watch(connection) {
      // Who it is has to be noted now: the headers of its first request are let go of.
      budgetOf(connection);
      connection.on('packet', hear);
      connection.on('close', closed);
      if (connection.transport.name === 'polling') connection.on('upgrading', probed);
      internals.inspectPosts(connection, accept);
    },
    entered(socket) {
      const budget = budgetOf(socket.conn);
      budget.sockets = [...budget.sockets, socket];
      return budget;
    },
    left(socket) {
      const budget = budgetOf(socket.conn);
      budget.sockets = budget.sockets.filter((one) => one !== socket);
    },
    letGo: () => letGo,
    close() {
      for (const timer of ending) clearTimeout(timer);
      endings.close();
    },
  };
}

/** Engine.IO hands it on to nobody. */
function ignore(packet: EnginePacket): void {
  packet.type = 'noop';
  packet.data = undefined;
}

import { createBucket, type Rate } from '../../chat/rate-limit.ts';
import { BYE, refuse } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { ClientSocket } from '../socket-types.ts';
import type { AddressBudgets } from './address-budgets.ts';
import type { ClientAddresses } from './client-address.ts';
import type { ConnectLimit } from './connect-limit.ts';
import { ConnectionBudget, Traffic, type TrafficRates } from './connection-budget.ts';
import { createDepartedConnections } from './departed-connections.ts';
import { createEndingConnections } from './ending-connections.ts';
import { eventHeadOf, hasMoreElements, IncomingPacket } from './incoming-packet.ts';
import { hasMorePackets } from './post-packets.ts';
import type { Connection, ConnectionInternals } from './private-members.ts';
import type { ReadThrottle } from './read-throttle.ts';

/*
 * Every packet of a connection is counted before it is decoded, a refused one too:
 *
 *   packet ──► within its rate ──► decoded
 *                │ over it               ▲ only its name
 *                ▼                       │
 *              rate_limited, counted as well ──► deep in debt: `bye`, the connection is closed
 *
 * Parsing is most of what a small event costs, and parsing a large one blocks a worker for 250 ms.
 */

/** A stock client sends all waiting packets in one POST. None has so many waiting. */
export const MAX_POST_PACKETS = 2_000;
/** A client within RATE_BYTES never has so many waiting. */
const MAX_HELD_POST_BYTES = 8 * 1024 * 1024;
/** A CONNECT carries a token and the client's positions in its room and inbox. */
export const MAX_CONNECT_BYTES = 64 * 1024;
/** A DISCONNECT carries the name of a namespace. */
const MAX_DISCONNECT_BYTES = 1_024;
/** A stock client probes another transport once. */
const MAX_PROBES = 8;
/** Entering a namespace is the most expensive thing a client can do, and creates a guest. */
const CONNECT_RATE: Rate = { perMs: 1 / 1_000, burst: 20 };
const MIN_AFTER_MS = 1_000;
const MAX_AFTER_MS = 30_000;
const EIO3 = 3;

export interface ConnectionLimitsDeps {
  readonly internals: Pick<
    ConnectionInternals,
    'inspectPosts' | 'parsedBytes' | 'pauseReading' | 'streamOf' | 'terminate' | 'terminateTransport'
  >;
  readonly throttle: ReadThrottle;
  readonly rates: TrafficRates;
  readonly addresses: Pick<ClientAddresses, 'personal'>;
  readonly addressBudgets: Pick<AddressBudgets, 'trafficOf'>;
  readonly connectLimit: ConnectLimit;
  readonly namespaces: number;
  /** No valid event contains more `,` `:` `[` `{`. */
  readonly maxElements: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
}

export interface ConnectionLimits {
  /** Counts the connection's packets from now on. MUST be called before Socket.IO listens to the connection. */
  watch(connection: Connection): void;
  budgetOf(connection: Connection): ConnectionBudget;
  /** The socket was admitted to a namespace. */
  entered(socket: ClientSocket): ConnectionBudget;
  left(socket: ClientSocket): void;
  /** The connection is in a namespace that is not served, and must enter another one in time. */
  passedMain(connection: Connection): void;
  /** Tells a client that is over RATE_ADMIT when to come back, and closes its connection. */
  defer(socket: ClientSocket, afterMs: number): void;
  /** Number of connections closed for exceeding their limits. */
  closedCount(): number;
  close(): void;
}

interface EnginePacket {
  type: string;
  data?: unknown;
}

/** A property, because the garbage collector visits each entry of a WeakMap again and again. */
const BUDGET = Symbol('budget');
type LimitedConnection = Connection & { [BUDGET]?: ConnectionBudget };

export function createConnectionLimits(deps: ConnectionLimitsDeps): ConnectionLimits & Sized {
  const { internals, throttle, rates, addresses, addressBudgets, connectLimit, maxElements, now, random } =
    deps;
  const connectRate = { ...CONNECT_RATE, burst: CONNECT_RATE.burst + deps.namespaces };
  const endings = createEndingConnections(internals);
  const departed = createDepartedConnections();
  let closedCount = 0;

  function budgetOf(connection: LimitedConnection): ConnectionBudget {
    connection[BUDGET] ??= new ConnectionBudget(
      new Traffic(rates, now),
      addresses.personal(connection.request),
    );
    return connection[BUDGET];
  }

  /** Engine.IO calls it with the connection as `this`: one function for all connections saves a closure for each. */
  function hear(this: Connection, packet: EnginePacket): void {
    const { type, data } = packet;
    const budget = budgetOf(this);
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : 0;
    throttle.received(this, wireBytes(this, budget) ?? bytes);
    const waitMs = budget.closing ? 0 : take(budget, bytes);
    if (budget.traffic.isDeepInDebt) end(this, budget);
    if (budget.closing) ignore(packet);
    // The decoder refuses anything but text.
    else if (type === 'message' && typeof data === 'string') {
      if (mayDecode(this, budget, data, bytes)) {
        packet.data = new IncomingPacket(data, bytes, refusalOf(data, waitMs, maxElements));
      } else ignore(packet);
    }
  }

  /** The bytes of a packet's frames, which are many times its own if it comes in tiny fragments. */
  function wireBytes(connection: Connection, budget: ConnectionBudget): number | undefined {
    const parsed = internals.parsedBytes(connection);
    if (parsed === undefined) return undefined;
    const bytes = parsed - budget.parsedBytes;
    budget.parsedBytes = parsed;
    return bytes;
  }

  /** Engine.IO calls it for each probe of another transport, and answers any number of probes. */
  function probed(this: Connection, transport: unknown): void {
    const budget = budgetOf(this);
    budget.probes += 1;
    if (budget.probes > MAX_PROBES) internals.terminateTransport(transport);
  }

  function closed(this: Connection): void {
    departed.forget(this);
    endings.closed(this);
  }

  function take({ traffic, address }: ConnectionBudget, bytes: number): number {
    const ownMs = traffic.take(bytes);
    const sharedMs = address === undefined ? 0 : addressBudgets.trafficOf(address).take(bytes);
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
    // Socket.IO also closes a connection that sends events before CONNECT, but parses the event first. A 2.x client is in a
    // namespace from the start.
    if (budget.sockets.length > 0 || connection.protocol === EIO3) return true;
    connection.close();
    return false;
  }

  function mayEnter(budget: ConnectionBudget): boolean {
    budget.connects += 1;
    // The first CONNECT of each namespace is free: RATE_CONNECT has counted the connection.
    if (budget.connects <= deps.namespaces) return true;
    const again = budget.bucket('connect', () => createBucket(connectRate, now));
    return again.take() === 0 && connectLimit.takeAgain(budget.address) === 0;
  }

  function end(connection: Connection, budget: ConnectionBudget): void {
    if (budget.closing) return;
    budget.closing = true;
    closedCount += 1;
    const owedMs = Math.min(MAX_AFTER_MS, Math.max(MIN_AFTER_MS, budget.traffic.debtMs));
    const afterMs = Math.round(owedMs * (1 + random()));
    for (const socket of budget.sockets) sayBye(socket, 'this client sends more than a client may', afterMs);
    endings.closeSoon(connection);
  }

  function accept(connection: Connection, payload: string | Buffer, heldBytes: number): boolean {
    const fits = heldBytes <= MAX_HELD_POST_BYTES;
    if (fits && !hasMorePackets(payload, connection.protocol, MAX_POST_PACKETS)) return true;
    end(connection, budgetOf(connection));
    return false;
  }

  return {
    sizes: () => ({ endings: endings.sizes(), departed: departed.sizes() }),
    watch(connection) {
      // The client's address must be read now: the headers of the first request are dropped later.
      budgetOf(connection);
      connection.on('packet', hear);
      connection.on('close', closed);
      if (connection.transport.name === 'polling') connection.on('upgrading', probed);
      internals.inspectPosts(connection, accept);
    },
    budgetOf,
    entered(socket) {
      const budget = budgetOf(socket.conn);
      budget.sockets = [...budget.sockets, socket];
      departed.forget(socket.conn);
      return budget;
    },
    left(socket) {
      const budget = budgetOf(socket.conn);
      budget.sockets = budget.sockets.filter((one) => one !== socket);
      if (budget.sockets.length === 0) departed.left(socket.conn);
    },
    passedMain: departed.left,
    defer(socket, afterMs) {
      const budget = budgetOf(socket.conn);
      if (budget.closing) return;
      budget.closing = true;
      sayBye(socket, 'too many clients connect at once', afterMs);
      endings.closeSoon(socket.conn);
    },
    closedCount: () => closedCount,
    close() {
      departed.close();
      endings.close();
    },
  };
}

function sayBye(socket: Pick<ClientSocket, 'emit'>, reason: string, afterMs: number): void {
  socket.emit('bye', { code: BYE.overLimit, reason, reconnect: true, afterMs });
}

function refusalOf(text: string, waitMs: number, maxElements: number) {
  // CONNECT has its own limit. A DISCONNECT is never refused, or the client would stay listed as a member.
  if (text.startsWith('0') || text.startsWith('1')) return undefined;
  if (waitMs > 0) return refuse('rate_limited', 'too many events', waitMs).error;
  if (!hasMoreElements(text, maxElements)) return undefined;
  // `todo` is the only event with free-form data, and has its own limit.
  const code = eventHeadOf(text)?.name === 'todo' ? 'too_large' : 'bad_request';
  return refuse(code, 'payload: has more elements than any event').error;
}

/** Engine.IO passes a noop on to nobody. */
function ignore(packet: EnginePacket): void {
  packet.type = 'noop';
  packet.data = undefined;
}

import type { Refuge } from '../../cluster/control.ts';
import { BYE } from '../../protocol/codes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import { createDrainPace } from './drain-pace.ts';
import { ENDING_MS } from './polling-ends.ts';

/*
 * The states of a client that leaves a draining worker:
 *
 *   waiting ──its turn, it can move──► moving: told `bye`, still served ──it has connected elsewhere and left──► gone
 *      │                                 └──time limit──► closed
 *      └──its turn, it cannot──► told `bye` and closed, comes back by itself ──► gone
 */

/** Disconnects per second if no other worker can take the clients: the host stops soon. */
const NOWHERE_PER_S = 500;
const STEP_MS = 100;
/** Stock clients ignore it; others reconnect after a random part of this time, so that a restart in place finds a server. */
const SPREAD_MS = 1_000;
/** A polling client fetches its `bye` at once. One that does not is gone, and Engine.IO would wait 30 s for it. */
const FETCH_MS = ENDING_MS + 500;
/** The time limit of a move to another host, which may not exist: the stop must not wait long for it. */
const MOVE_ELSEWHERE_MS = 5_000;
/** The share of the drain time in which every client gets its `bye`. The rest is for clients that move or are slow. */
const TELL_SHARE = 1 / 3;
/** Clients that have not moved by then are closed, so that the process can end by itself. */
const MOVE_SHARE = 0.9;

type Connection = ClientSocket['conn'];

export interface DrainDeps {
  readonly namespaces: readonly ChatNamespace[];
  /** Writes the gathered messages of rooms. */
  readonly flush: () => void;
  /** Returns whether the client connects elsewhere before it leaves: `auth.moves`. */
  readonly moves: (socket: ClientSocket) => boolean;
  /** Lets these clients in again whatever RATE_ADMIT is; the drain has its own pace. */
  readonly expectBack: (sockets: readonly ClientSocket[]) => Promise<unknown>;
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface Drain {
  /** Resolves when the last client is gone. */
  readonly empty: Promise<void>;
  /** This many clients have connected to this host's other workers. */
  arrived(count: number): void;
}

/**
 * Disconnects every client at the pace at which the others accept them, but so that all have got `bye` after a third of the
 * time. A client that can move is served until it leaves by itself.
 */
export function drainClients(deps: DrainDeps, drainMs: number, refuge: Refuge): Drain {
  const { namespaces, flush, moves, expectBack, now = () => performance.now(), random = Math.random } = deps;
  const startedAt = now();
  const tellBy = startedAt + drainMs * TELL_SHARE;
  const pace = createDrainPace(now);
  const moving = new Map<Connection, { readonly until: number }>();
  /** Connections that got `bye` and are closed, or about to be. */
  const closedAt = new WeakMap<Connection, number>();
  /** The primary counts arrivals of clients that moved too; those have made room by leaving already. */
  let countedTwice = 0;

  function tell(connection: Connection, sockets: readonly ClientSocket[]): void {
    const canMove = refuge !== 'nowhere' && sockets.every(moves);
    const afterMs = canMove ? 0 : Math.round(random() * SPREAD_MS);
    for (const socket of sockets) {
      socket.emit('bye', {
        code: BYE.moved,
        reason: 'this server is going away',
        reconnect: true,
        afterMs,
      });
    }
    if (canMove) {
      const moveBy = startedAt + drainMs * MOVE_SHARE;
      const until = refuge === 'here' ? moveBy : Math.min(moveBy, now() + MOVE_ELSEWHERE_MS);
      moving.set(connection, { until });
    } else close(connection);
  }

  function close(connection: Connection): void {
    closedAt.set(connection, now());
    // Closing a connection flushes its buffer first, so the `bye` arrives.
    connection.close();
  }

  function settleMoves(open: ReadonlyMap<Connection, unknown>): void {
    for (const [connection, { until }] of moving) {
      if (!open.has(connection)) {
        moving.delete(connection);
        countedTwice += 1;
        pace.arrived(1);
      } else if (now() >= until) {
        moving.delete(connection);
        close(connection);
      }
    }
  }

  function batchOf(waiting: number): number {
    const stepsLeft = Math.max(1, Math.floor((tellBy - now()) / STEP_MS));
    const due = Math.ceil(waiting / stepsLeft);
    return Math.max(due, refuge === 'nowhere' ? (NOWHERE_PER_S * STEP_MS) / 1_000 : pace.allowance());
  }

  async function run(): Promise<void> {
    for (;;) {
      const open = connectionsOf(namespaces);
      settleMoves(open);
      const waiting = [...open].filter(
        ([connection]) => !moving.has(connection) && !closedAt.has(connection),
      );
      const leaving = [...open.keys()].some(
        (connection) => now() - (closedAt.get(connection) ?? Number.NEGATIVE_INFINITY) < FETCH_MS,
      );
      if (waiting.length === 0 && moving.size === 0 && !leaving) return;
      const batch = waiting.slice(0, batchOf(waiting.length));
      if (batch.length > 0) {
        await expectBack(batch.flatMap(([, [socket]]) => socket ?? []));
        flush();
      }
      for (const [connection, sockets] of batch) tell(connection, sockets);
      pace.letGo(batch.length);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }

  return {
    empty: run(),
    arrived(count) {
      const again = Math.min(count, countedTwice);
      countedTwice -= again;
      pace.arrived(count - again);
    },
  };
}

/** Namespaces share a connection: each of its sockets gets a `bye` before it closes. */
function connectionsOf(namespaces: readonly ChatNamespace[]): Map<Connection, ClientSocket[]> {
  const open = new Map<Connection, ClientSocket[]>();
  for (const nsp of namespaces) {
    for (const socket of nsp.sockets.values()) {
      const sharing = open.get(socket.conn);
      if (sharing) sharing.push(socket);
      else open.set(socket.conn, [socket]);
    }
  }
  return open;
}

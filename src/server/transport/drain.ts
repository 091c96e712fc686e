import { isStricter, type Refuge } from '../../cluster/control.ts';
import { BYE } from '../../protocol/codes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import { createDrainPace } from './drain-pace.ts';
import { ENDING_MS } from './polling-ends.ts';

/*
 * The states of a client that leaves a draining worker:
 *
 *   waiting ──its turn──► expected ──can move──► moving: told `bye`, still served ──it has connected elsewhere and left──► gone
 *                            │                    ├──time limit──► closed
 *                            │                    └──the whole host stops──► waiting
 *                            └──cannot──► told `bye` and closed, comes back by itself ──► gone
 */

/** Disconnects per second if no other worker can take the clients: the host stops soon. */
const NOWHERE_PER_S = 500;
const STEP_MS = 100;
/** Stock clients ignore it; others reconnect after a random part of this time, so that a restart in place finds a server. */
const SPREAD_MS = 1_000;
/** A polling client fetches its `bye` at once. One that does not is gone, and Engine.IO would wait 30 s for it. */
const FETCH_MS = ENDING_MS + 500;
/** The time limits of a move. A reload waits for it in every slot. Another host may not exist, and the stop waits for it. */
const MOVE_MS: Readonly<Record<Refuge, number>> = { here: 10_000, elsewhere: 5_000, nowhere: 0 };
/** The share of the drain time in which every client gets its `bye`. The rest is for clients that move or are slow. */
const TELL_SHARE = 1 / 3;
/** Clients that have not moved by then are closed, so that the process can end by itself. */
const MOVE_SHARE = 0.9;
/** A store that does not answer must not hold up the drain. */
const EXPECT_MS = 250;

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
  /** Orders the drain to end sooner, or with fewer places to go to. What would loosen the present order has no effect. */
  tighten(drainMs: number, refuge: Refuge): void;
}

/**
 * Disconnects every client at the pace at which the others accept them, but so that all have got `bye` after a third of the
 * time. A client that can move is served until it leaves by itself.
 */
export function drainClients(deps: DrainDeps, drainMs: number, firstRefuge: Refuge): Drain {
  const { namespaces, flush, moves, expectBack, now = () => performance.now(), random = Math.random } = deps;
  const pace = createDrainPace(now);
  let refuge = firstRefuge;
  let window = windowOf(drainMs);
  /** Clients whose turn has come since the window began. */
  let told = 0;
  const expected = new Set<Connection>();
  const moving = new Map<Connection, { until: number }>();
  /** Connections that got `bye` and are closed, or about to be. */
  const closedAt = new WeakMap<Connection, number>();
  /** The primary counts arrivals of clients that moved too; those have made room by leaving already. */
  let countedTwice = 0;

  let fail = (_error: unknown) => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });

  function windowOf(ms: number) {
    const startedAt = now();
    return {
      startedAt,
      endsAt: startedAt + ms,
      tellMs: ms * TELL_SHARE,
      moveBy: startedAt + ms * MOVE_SHARE,
    };
  }

  const moveLimit = () => Math.min(window.moveBy, now() + MOVE_MS[refuge]);

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
    if (canMove) moving.set(connection, { until: moveLimit() });
    else close(connection);
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

  /** Counts from elapsed time, because a step of a busy worker takes longer than STEP_MS. */
  function batchOf(waiting: number): number {
    const elapsedMs = now() - window.startedAt + STEP_MS;
    const due = Math.ceil((told + waiting) * Math.min(1, elapsedMs / window.tellMs)) - told;
    const allowed =
      refuge === 'nowhere' ? Math.ceil((NOWHERE_PER_S * elapsedMs) / 1_000) - told : pace.allowance();
    return Math.max(0, due, allowed);
  }

  async function letGo(batch: readonly (readonly [Connection, readonly ClientSocket[]])[]): Promise<void> {
    const sockets = batch.flatMap(([, [socket]]) => socket ?? []);
    await withinLimit(expectBack(sockets), EXPECT_MS);
    flush();
    for (const [connection, own] of batch) {
      expected.delete(connection);
      tell(connection, own);
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const open = connectionsOf(namespaces);
      settleMoves(open);
      const waiting = [...open].filter(
        ([connection]) => !moving.has(connection) && !expected.has(connection) && !closedAt.has(connection),
      );
      const leaving = [...open.keys()].some(
        (connection) => now() - (closedAt.get(connection) ?? Number.NEGATIVE_INFINITY) < FETCH_MS,
      );
      if (waiting.length === 0 && moving.size === 0 && expected.size === 0 && !leaving) return;
      const batch = waiting.slice(0, batchOf(waiting.length));
      if (batch.length > 0) {
        for (const [connection] of batch) expected.add(connection);
        told += batch.length;
        pace.letGo(batch.length);
        letGo(batch).catch(fail);
      }
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }

  return {
    empty: Promise.race([run(), failed]),
    arrived(count) {
      const again = Math.min(count, countedTwice);
      countedTwice -= again;
      pace.arrived(count - again);
    },
    tighten(ms, to) {
      const endsSooner = now() + ms < window.endsAt;
      const stricter = isStricter(to, refuge);
      if (!stricter && !endsSooner) return;
      if (stricter) refuge = to;
      window = windowOf(Math.min(ms, Math.max(0, window.endsAt - now())));
      told = 0;
      // Clients that are told to go nowhere wait for another `bye`, with a time at which a server may be back.
      if (refuge === 'nowhere') moving.clear();
      for (const move of moving.values()) move.until = Math.min(move.until, moveLimit());
    },
  };
}

/** Waits for the end of a task, however it ends, but not longer than this. */
function withinLimit(task: Promise<unknown>, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, limitMs);
    const done = () => {
      clearTimeout(limit);
      resolve();
    };
    task.then(done, done);
  });
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

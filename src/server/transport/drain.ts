import { setTimeout as pause } from 'node:timers/promises';
import { BYE } from '../../protocol/codes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import { ENDING_MS } from './polling-ends.ts';

/** Disconnects per worker. A slower rate protects the workers that take over. */
const CLIENTS_PER_S = 500;
const STEP_MS = 100;
/** Clients reconnect after a random part of this time, so that a restart in place finds a server again. */
const SPREAD_MS = 1_000;
/** A polling client fetches its `bye` at once. One that does not is gone, and Engine.IO would wait 30 s for it. */
const FETCH_MS = ENDING_MS + 500;

export interface DrainDeps {
  readonly namespaces: readonly ChatNamespace[];
  /** Writes the gathered messages of rooms. */
  readonly flush: () => void;
}

/**
 * Sends every client `bye` and closes its connection, after which stock clients reconnect by themselves. Takes up to a third of
 * the drain time. Resolves when the last client is disconnected.
 */
export async function drainClients(
  { namespaces, flush }: DrainDeps,
  drainMs: number,
  random: () => number = Math.random,
): Promise<void> {
  const deadline = performance.now() + drainMs / 3;
  const disconnectedAt = new WeakMap<ClientSocket, number>();
  for (;;) {
    const sockets = namespaces.flatMap((nsp) => [...nsp.sockets.values()]);
    const waiting = sockets.filter((socket) => !disconnectedAt.has(socket));
    const leaving = sockets.some(
      (socket) => performance.now() - (disconnectedAt.get(socket) ?? Number.NEGATIVE_INFINITY) < FETCH_MS,
    );
    if (waiting.length === 0 && !leaving) return;
    const steps = Math.max(1, Math.floor((deadline - performance.now()) / STEP_MS));
    const batch = Math.max(Math.ceil((CLIENTS_PER_S * STEP_MS) / 1_000), Math.ceil(waiting.length / steps));
    flush();
    // Namespaces share a connection: each of its sockets gets a `bye` before it closes.
    const connections = new Set(waiting.slice(0, batch).map(({ conn }) => conn));
    for (const connection of connections) {
      const sharing = waiting.filter(({ conn }) => conn === connection);
      const afterMs = Math.round(random() * SPREAD_MS);
      for (const socket of sharing) {
        disconnectedAt.set(socket, performance.now());
        sayBye(socket, afterMs);
      }
      // Closing a connection flushes its buffer first, so the `bye` arrives.
      connection.close();
    }
    await pause(STEP_MS);
  }
}

function sayBye(socket: ClientSocket, afterMs: number): void {
  socket.emit('bye', {
    code: BYE.moved,
    reason: 'this server is going away',
    reconnect: true,
    afterMs,
  });
}

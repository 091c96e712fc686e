import { setTimeout as pause } from 'node:timers/promises';
import { BYE } from '../../protocol/codes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import { ENDING_MS } from './polling-ends.ts';

/** Clients are let go at this rate per worker, so that the next one is not hit by all of them at once. */
const CLIENTS_PER_S = 500;
const STEP_MS = 100;
/** A client that comes back waits for up to this long, so that a restart in place finds a server again. */
const SPREAD_MS = 1_000;
/** A client that polls fetches its `bye` at once; one that does not is gone, and Engine.IO would wait 30 s for it. */
const FETCH_MS = ENDING_MS + 500;

export interface DrainDeps {
  readonly namespaces: readonly ChatNamespace[];
  /** Writes what is gathered for rooms. */
  readonly flush: () => void;
}

/**
 * Asks every client to move: `bye`, then the engine is closed, after which stock clients come back by
 * themselves. Takes up to a third of the drain's time and answers when the last one was let go.
 */
export async function drainClients(
  { namespaces, flush }: DrainDeps,
  drainMs: number,
  random: () => number = Math.random,
): Promise<void> {
  const deadline = performance.now() + drainMs / 3;
  const letGoAt = new WeakMap<ClientSocket, number>();
  for (;;) {
    const sockets = namespaces.flatMap((nsp) => [...nsp.sockets.values()]);
    const waiting = sockets.filter((socket) => !letGoAt.has(socket));
    const leaving = sockets.some(
      (socket) => performance.now() - (letGoAt.get(socket) ?? Number.NEGATIVE_INFINITY) < FETCH_MS,
    );
    if (waiting.length === 0 && !leaving) return;
    const steps = Math.max(1, Math.floor((deadline - performance.now()) / STEP_MS));
    const batch = Math.max(Math.ceil((CLIENTS_PER_S * STEP_MS) / 1_000), Math.ceil(waiting.length / steps));
    flush();
    // Namespaces share a connection: all of them are told before it closes.
    const connections = new Set(waiting.slice(0, batch).map(({ conn }) => conn));
    for (const connection of connections) {
      const sharing = waiting.filter(({ conn }) => conn === connection);
      const afterMs = Math.round(random() * SPREAD_MS);
      for (const socket of sharing) {
        letGoAt.set(socket, performance.now());
        sayBye(socket, afterMs);
      }
      // Closing the engine writes out what is buffered first, so the `bye` arrives.
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

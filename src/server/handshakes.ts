import type { Logger } from 'pino';
import type { ConnectQueue, QueueKey } from '../chat/connect-queue.ts';
import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';
import type { AcceptedHandshake, Handshake } from './auth/handshake.ts';
import { queueKeyOf } from './auth/queue-key.ts';
import type { Metrics } from './metrics.ts';
import type { ClientSocket } from './socket-types.ts';
import type { ConnectionLimits } from './transport/connection-limits.ts';

export interface HandshakesDeps {
  readonly authenticate: (handshake: Handshake) => Promise<Outcome<AcceptedHandshake>>;
  readonly connectionLimits: Pick<ConnectionLimits, 'budgetOf'>;
  readonly connects: ConnectQueue;
  /** RATE_ADMIT; 0: no limit, and no connection has a key. */
  readonly rateAdmit: number;
  readonly metrics: Pick<Metrics, 'handshakesRefused' | 'deferred'>;
  readonly log: Logger;
}

/** An accepted client, or one over RATE_ADMIT and the time until its turn. */
export type Admitted =
  | { readonly accepted: AcceptedHandshake; readonly queueKey: QueueKey | undefined }
  | { readonly afterMs: number };

/** Checks handshakes: who the client is, and whether RATE_ADMIT lets its connection in. */
export interface Handshakes {
  /** Resolves with the error for the client, or undefined where `take` has the result. */
  check(socket: ClientSocket): Promise<Error | undefined>;
  /** Returns the result of a socket that passed the check, once. */
  take(socket: ClientSocket): Admitted | undefined;
}

export function createHandshakes(deps: HandshakesDeps): Handshakes {
  const { authenticate, connectionLimits, connects, rateAdmit, metrics, log } = deps;
  const checked = new WeakMap<ClientSocket, Admitted>();

  async function admit(socket: ClientSocket): Promise<Error | undefined> {
    const accepted = await authenticate(socket.handshake);
    if (!accepted.ok) {
      metrics.handshakesRefused.inc({ code: accepted.error.code });
      return errorOf(accepted);
    }
    const queueKey = rateAdmit > 0 ? keyOf(socket, accepted.value) : undefined;
    const afterMs = await waitOf(socket, queueKey?.(accepted.value.identity));
    checked.set(socket, afterMs > 0 ? { afterMs } : { accepted: accepted.value, queueKey });
    return undefined;
  }

  async function tryToAdmit(socket: ClientSocket): Promise<Error | undefined> {
    try {
      return await admit(socket);
    } catch (error) {
      log.error({ err: error }, 'a handshake failed');
      return errorOf(refuse('internal', 'internal error'));
    }
  }

  function keyOf({ conn, handshake }: ClientSocket, accepted: AcceptedHandshake): QueueKey {
    return queueKeyOf({
      accepted,
      headers: handshake.headers,
      address: connectionLimits.budgetOf(conn).address,
    });
  }

  /** A connection counts once, whatever namespaces it enters; each of them waits for the one answer. */
  async function waitOf({ conn }: ClientSocket, key: string | undefined): Promise<number> {
    const budget = connectionLimits.budgetOf(conn);
    if (budget.admitted) return 0;
    budget.admission ??= queue(key);
    const turn = await budget.admission;
    if (turn.ok && turn.value > 0) return turn.value;
    // A store that is away must not keep anybody out.
    budget.admitted = true;
    budget.admission = undefined;
    return 0;
  }

  async function queue(key: string | undefined): Promise<Outcome<number>> {
    const turn = await connects.enter(key);
    if (turn.ok && turn.value > 0) metrics.deferred(turn.value);
    return turn;
  }

  return {
    async check(socket) {
      const budget = connectionLimits.budgetOf(socket.conn);
      const { name } = socket.nsp;
      if (!budget.beginEntering(name)) {
        socket.conn.close();
        return errorOf(refuse('bad_request', 'this connection is entering the namespace already'));
      }
      const error = await tryToAdmit(socket);
      if (error) budget.endEntering(name);
      return error;
    },
    take(socket) {
      connectionLimits.budgetOf(socket.conn).endEntering(socket.nsp.name);
      const admitted = checked.get(socket);
      checked.delete(socket);
      return admitted;
    },
  };
}

/** Socket.IO sends the client the message and `data` of the error. */
function errorOf({ error }: Refusal): Error {
  return Object.assign(new Error(error.message), { data: error });
}

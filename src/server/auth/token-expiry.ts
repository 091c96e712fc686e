import type { Room } from '../../chat/room.ts';
import { BYE } from '../../protocol/codes.ts';
import { TOKEN_EXPIRING_MS, TOKEN_LEEWAY_MS } from '../../protocol/limits.ts';
import type { Session } from '../session.ts';
import type { ClientSocket } from '../socket-types.ts';

/** Warns a client before its token expires, and ends the connection when it has. */
export interface TokenExpiry {
  /** Call it when the session begins and whenever its token changes. */
  watch(session: Session): void;
  forget(session: Session): void;
}

type Connection = ClientSocket['conn'];

/** setTimeout fires at once for anything longer. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export interface TokenExpiryDeps {
  readonly now: () => number;
  /** Writes the room's gathered messages now. */
  readonly flush: (room: Room) => void;
}

export function createTokenExpiry({ now, flush }: TokenExpiryDeps): TokenExpiry {
  /** Timers by Engine.IO connection: namespaces share one, and it ends for all of them. */
  const connections = new WeakMap<Connection, Map<Session, NodeJS.Timeout>>();

  function forget(session: Session): void {
    const timers = connections.get(session.socket.conn);
    clearTimeout(timers?.get(session));
    timers?.delete(session);
  }

  function wait(session: Session, ms: number, then: () => void): void {
    const { conn } = session.socket;
    const timers = connections.get(conn) ?? new Map<Session, NodeJS.Timeout>();
    connections.set(conn, timers.set(session, setTimeout(then, Math.min(ms, MAX_TIMEOUT_MS))));
  }

  function waitToTell(session: Session, expiresAt: number): void {
    const inMs = expiresAt - now();
    if (inMs > TOKEN_EXPIRING_MS) {
      wait(session, inMs - TOKEN_EXPIRING_MS, () => waitToTell(session, expiresAt));
    } else {
      // The event is sent within the leeway too: the client still has time to send another token.
      if (inMs > -TOKEN_LEEWAY_MS) session.socket.emit('token:expiring', { inMs: Math.max(0, inMs) });
      waitToEnd(session, expiresAt + TOKEN_LEEWAY_MS);
    }
  }

  /**
   * Waits for the handshake's leeway, too: otherwise a client could come in with the same token and be disconnected,
   * over and over.
   */
  function waitToEnd(session: Session, endsAt: number): void {
    const inMs = endsAt - now();
    // A timer may fire a millisecond early.
    if (inMs > 0) wait(session, inMs, () => waitToEnd(session, endsAt));
    else end(session);
  }

  function end(session: Session): void {
    const { conn } = session.socket;
    for (const { socket, memberships } of new Set([session, ...(connections.get(conn)?.keys() ?? [])])) {
      for (const { room } of memberships.values()) flush(room);
      socket.emit('bye', { code: BYE.expired, reason: 'the token has expired', reconnect: true, afterMs: 0 });
    }
    // Closes the engine instead of calling `disconnect`: stock clients then reconnect by themselves, with the token
    // they have by then.
    conn.close();
  }

  return {
    watch(session) {
      forget(session);
      const { expiresAt } = session.identity.access;
      if (expiresAt !== undefined && session.socket.connected) waitToTell(session, expiresAt);
    },
    forget,
  };
}

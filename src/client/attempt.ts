import { Manager, type Socket } from 'socket.io-client';
import type { Auth } from './identity.ts';

export interface AttemptDeps {
  readonly url: string;
  readonly path: string;
  readonly namespace: string;
  readonly transports: readonly ('websocket' | 'polling')[];
  readonly query: { readonly roomid: string } | undefined;
  readonly auth: Auth;
  readonly timeoutMs: number;
  readonly onEvent: (name: string, args: unknown[]) => void;
  /** The server refused the connection. */
  readonly onRefused: (error: Error & { data?: unknown }) => void;
  /** The server was not reached, or the connection to it is lost. */
  readonly onLost: (reason: string) => void;
  /** The server ended this connection for good. */
  readonly onEnded: () => void;
}

/** One connection from its start to its end. It calls nothing back after `close`. */
export interface Attempt {
  emit(event: string, payload: object, ack: (answer: unknown) => void): void;
  close(): void;
}

const LOSSES: Partial<Record<Socket.DisconnectReason, string>> = {
  'ping timeout': 'the server stopped answering',
  'transport close': 'the connection was closed',
  'transport error': 'the network failed',
};

/**
 * Each has a Manager of its own, which does not reconnect: socket.io-client would otherwise buffer what was emitted on one
 * connection and send it on the next, late or twice.
 */
export function openAttempt(deps: AttemptDeps): Attempt {
  const manager = new Manager(deps.url, {
    path: deps.path,
    transports: [...deps.transports],
    tryAllTransports: true,
    reconnection: false,
    autoConnect: false,
    timeout: deps.timeoutMs,
    query: deps.query,
  });
  const socket = manager.socket(deps.namespace, { auth: deps.auth });
  socket.onAny((name: string, ...args: unknown[]) => deps.onEvent(name, args));
  socket.on('connect_error', (error) => {
    // Still active: it failed below Socket.IO, so no server has judged this client.
    if (socket.active) deps.onLost('the server cannot be reached');
    else deps.onRefused(error);
  });
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect') deps.onEnded();
    else deps.onLost(LOSSES[reason] ?? 'the connection was lost');
  });
  socket.connect();
  return {
    emit: (event, payload, ack) => void socket.emit(event, payload, ack),
    close() {
      socket.offAny();
      socket.off();
      socket.disconnect();
    },
  };
}

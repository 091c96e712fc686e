import { Manager, type Socket } from 'socket.io-client';
import type { Auth } from './identity.ts';
import { createPendingAnswers, type PendingAnswers } from './pending-answers.ts';

export interface AttemptDeps {
  readonly url: string;
  readonly path: string;
  readonly namespace: string;
  readonly transports: readonly ('websocket' | 'polling')[];
  readonly query: { readonly roomid: string } | undefined;
  readonly auth: Auth;
  readonly timeoutMs: number;
}

export interface AttemptListener {
  onEvent(name: string, args: unknown[]): void;
  /** The server refused the connection. */
  onRefused(error: Error & { data?: unknown }): void;
  /** The server was not reached, or the connection to it is lost. */
  onLost(reason: string): void;
  /** The server ended this connection for good. */
  onEnded(): void;
}

/** One connection from its start to its end. It calls no listener after `close`. */
export interface Attempt extends Pick<PendingAnswers, 'ask' | 'isWaiting' | 'abandon'> {
  /** Replaces the listener. */
  listen(listener: AttemptListener): void;
  /** Closes once the pending answers came; the listener hears nothing more. */
  retire(): void;
  /** Pending answers stay pending until `abandon`. */
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
export function openAttempt(deps: AttemptDeps, first: AttemptListener): Attempt {
  let listener = first;
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
  const answers = createPendingAnswers({
    timeoutMs: deps.timeoutMs,
    emit: (event, payload, ack) => void socket.emit(event, payload, ack),
    onSilence: (event) => listener.onLost(`no answer to ${event}`),
  });
  socket.onAny((name: string, ...args: unknown[]) => listener.onEvent(name, args));
  socket.on('connect_error', (error) => {
    // Still active: it failed below Socket.IO, so no server has judged this client.
    if (socket.active) listener.onLost('the server cannot be reached');
    else listener.onRefused(error);
  });
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect') listener.onEnded();
    else listener.onLost(LOSSES[reason] ?? 'the connection was lost');
  });
  socket.connect();

  function close(): void {
    socket.offAny();
    socket.off();
    socket.disconnect();
  }

  function end(): void {
    close();
    answers.abandon();
  }

  return {
    ask: answers.ask,
    isWaiting: answers.isWaiting,
    abandon: answers.abandon,
    listen(next) {
      listener = next;
    },
    retire() {
      const ignore = () => undefined;
      listener = { onEvent: ignore, onRefused: ignore, onLost: end, onEnded: end };
      answers.whenSettled(end);
    },
    close,
  };
}

import type { Socket } from 'node:net';
import { sessionIdOf } from '../protocol/session-id.ts';

/** Node's own limit for the headers of a request. */
const MAX_HEAD_BYTES = 16_384;
/** Lenient with line ends: the worker validates the request and answers what is wrong with it. */
const END_OF_HEAD = /\n\r?\n/;
const END_OF_HEAD_BYTES = 3;
const CR = 0x0d;
const LF = 0x0a;
const TARGET = /^\S+ +(\S+)/;
/** The session ids that Engine.IO makes. The front door waits for no other session. */
const SESSION_ID = /^[\w-]{20}$/;

export interface HeadLimits {
  readonly timeoutMs: number;
}

export interface HeadHandlers {
  /**
   * All headers have arrived, and maybe more. Take them, or answer `later` and call `retry`. The socket is not read any
   * further.
   */
  complete(bytes: Buffer, sessionId: string | undefined): 'taken' | 'later';
  /** No complete request will come. `status`: what to answer, if anything. The socket is still open. */
  refused(status: '408 Request Timeout' | '431 Request Header Fields Too Large' | undefined): void;
}

/**
 * Reads a connection up to the end of the first request's headers. A request that is split before its session id would
 * otherwise reach any worker, which answers "Session ID unknown".
 *
 * Node discards bytes that arrive while a socket is on its way to another process: 5 to 13 of 600 WebSocket clients lost
 * their first frame and hung (Node issue 8353). So reading stops on the raw handle in the turn in which the headers are
 * complete. `socket.pause()` is not enough, since the stream starts the handle again. Later bytes wait in the kernel for
 * the worker.
 */
export function readHead(
  socket: Socket,
  { timeoutMs }: HeadLimits,
  handlers: HeadHandlers,
): { retry(): void } {
  let over = false;
  let bytes: Buffer = Buffer.alloc(0);
  let sessionId: string | undefined;

  const stop = () => {
    over = true;
    clearTimeout(timer);
    socket.off('data', gather);
    socket.off('end', abandoned);
    socket.off('close', stop);
  };
  const refuse = (status: Parameters<HeadHandlers['refused']>[0]) => {
    stop();
    handlers.refused(status);
  };
  const abandoned = () => refuse(undefined);
  const offer = () => {
    if (!over && handlers.complete(bytes, sessionId) === 'taken') stop();
  };
  const gather = (chunk: Buffer) => {
    const from = Math.max(0, bytes.length - END_OF_HEAD_BYTES);
    bytes = bytes.length === 0 ? withoutEmptyLines(chunk) : Buffer.concat([bytes, chunk]);
    if (END_OF_HEAD.test(bytes.toString('latin1', from, MAX_HEAD_BYTES))) {
      handleOf(socket)?.readStop();
      sessionId = sessionIn(bytes.toString('latin1', 0, MAX_HEAD_BYTES));
      offer();
    } else if (bytes.length > MAX_HEAD_BYTES) refuse('431 Request Header Fields Too Large');
  };

  // A connection that sent nothing gets no response.
  const timer = setTimeout(() => refuse(bytes.length > 0 ? '408 Request Timeout' : undefined), timeoutMs);
  socket.on('data', gather);
  socket.on('end', abandoned);
  socket.on('close', stop);
  return { retry: offer };
}

/** Node skips empty lines before a request. */
function withoutEmptyLines(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== CR && byte !== LF);
  return start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
}

function sessionIn(head: string): string | undefined {
  const target = TARGET.exec(head)?.[1];
  return (target && sessionIdOf(target)?.match(SESSION_ID)?.[0]) || undefined;
}

/** The handle of Node's sockets. It is private: with server/transport/private-members.ts and private-http.ts, this is all that src uses of such members. */
export interface TcpHandle {
  /** The stream's own flag; direct calls of the handle do not change it. */
  reading: boolean;
  readStart(): number;
  readStop(): number;
  close(): void;
}

/** Null once the socket is closed. */
export function handleOf(socket: Socket): TcpHandle | null {
  return (socket as unknown as { _handle: TcpHandle | null })._handle;
}

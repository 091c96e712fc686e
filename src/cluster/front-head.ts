import type { Socket } from 'node:net';
import { sessionIdOf } from '../protocol/session-id.ts';

/** Node's own limit for the headers of a request. */
const MAX_HEAD_BYTES = 16_384;
/** Which line ends are right is for the worker to say, who answers whatever is wrong with a request. */
const END_OF_HEAD = /\n\r?\n/;
const END_OF_HEAD_BYTES = 3;
const CR = 0x0d;
const LF = 0x0a;
const TARGET = /^\S+ +(\S+)/;
/** As Engine.IO makes them. Nobody waits for the session of another. */
const SESSION_ID = /^[\w-]{20}$/;

export interface HeadLimits {
  readonly timeoutMs: number;
}

export interface HeadHandlers {
  /**
   * All headers are here, and maybe more: take them, or leave them for now and call `retry` later. Nothing more is read
   * from the socket.
   */
  complete(bytes: Buffer, sessionId: string | undefined): 'taken' | 'later';
  /** Nothing of use will come: what to answer, if anything. The socket is still open. */
  refused(status: '408 Request Timeout' | '431 Request Header Fields Too Large' | undefined): void;
}

/**
 * Reads a connection up to the end of the first request's headers. A request that is torn before its session id
 * would be given to any worker, and answered "Session ID unknown".
 *
 * Node throws away what arrives between a socket's being passed to another process and that process's having it: 5 to 13
 * of 600 WebSocket clients lost their first frame and hung (Node issue 8353). So reading stops on the raw handle in the
 * turn in which the headers are complete; `socket.pause()` is not enough, since the stream starts the handle again. What
 * arrives from then on waits in the kernel for the worker.
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

  // A connection that never said anything gets no answer: there was no question.
  const timer = setTimeout(() => refuse(bytes.length > 0 ? '408 Request Timeout' : undefined), timeoutMs);
  socket.on('data', gather);
  socket.on('end', abandoned);
  socket.on('close', stop);
  return { retry: offer };
}

/** Node skips them before a request. */
function withoutEmptyLines(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== CR && byte !== LF);
  return start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
}

function sessionIn(head: string): string | undefined {
  const target = TARGET.exec(head)?.[1];
  return (target && sessionIdOf(target)?.match(SESSION_ID)?.[0]) || undefined;
}

/** What of a socket's handle Node keeps to itself. */
export interface TcpHandle {
  /** What the stream believes; it does not know of who calls the handle itself. */
  reading: boolean;
  readStart(): number;
  readStop(): number;
  close(): void;
}

/** Null once the socket is closed. */
export function handleOf(socket: Socket): TcpHandle | null {
  return (socket as unknown as { _handle: TcpHandle | null })._handle;
}

import type { Socket } from 'node:net';

const END_OF_HEAD = '\r\n\r\n';
/** Node's own limit for the headers of a request. */
const MAX_HEAD_BYTES = 16_384;

export interface HeadLimits {
  readonly timeoutMs: number;
}

export interface HeadHandlers {
  /**
   * All headers are here, and maybe more: take them, or leave them for now and call `retry` later. Whoever takes
   * them must see to what comes next before this turn ends.
   */
  complete(bytes: Buffer): 'taken' | 'later';
  /** Nothing of use will come: what to answer, if anything. The socket is still open. */
  refused(status: '408 Request Timeout' | '431 Request Header Fields Too Large' | undefined): void;
}

/**
 * Reads a connection up to the end of the first request's headers. A request that is torn before its session id
 * would be given to any worker, and answered "Session ID unknown".
 */
export function readHead(
  socket: Socket,
  { timeoutMs }: HeadLimits,
  handlers: HeadHandlers,
): { retry(): void } {
  let over = false;
  let head: Buffer = Buffer.alloc(0);

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
    if (!over && handlers.complete(head) === 'taken') stop();
  };
  const gather = (chunk: Buffer) => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const size = head.indexOf(END_OF_HEAD);
    if ((size < 0 ? head.length : size) > MAX_HEAD_BYTES) refuse('431 Request Header Fields Too Large');
    else if (size >= 0) offer();
  };

  // A connection that never said anything gets no answer: there was no question.
  const timer = setTimeout(() => refuse(head.length > 0 ? '408 Request Timeout' : undefined), timeoutMs);
  socket.on('data', gather);
  socket.on('end', abandoned);
  socket.on('close', stop);
  return { retry: offer };
}

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { handleOf } from './front-head.ts';

/** How long a client may go on that was answered before it had said all. */
const LINGER_MS = 2_000;
/** What it may still send. */
const LINGER_BYTES = 4 * 1024 * 1024;

/**
 * A request may be answered before its body has come. Where the connection ends with the answer, Node resets it at once,
 * often before the client has read why; where it is kept, Node throws away what comes, without an end. From now on what
 * still comes is thrown away in both cases, for `LINGER_MS` and `LINGER_BYTES`, then the connection is destroyed.
 */
export function enableLingeringClose(httpServer: HttpServer): void {
  httpServer.prependListener('request', (request, response) => {
    const { socket } = request;
    // Node calls it after the last answer of a connection.
    socket.destroySoon = () => {
      if (request.complete) closeSoon(socket);
      else closeAfterResponse(socket, request);
    };
    response.once('finish', () => {
      if (!request.complete && !socket.writableEnded) boundRest(socket, request);
    });
  });
}

/** The answer is written; `request` ends when its client has said all. */
export function closeAfterResponse(socket: Socket, request: Socket | IncomingMessage): void {
  socket.end();
  boundRest(socket, request);
  request.once('end', () => closeSoon(socket));
}

function closeSoon(socket: Socket): void {
  Socket.prototype.destroySoon.call(socket);
}

function boundRest(socket: Socket, request: Socket | IncomingMessage): void {
  const mostBytes = socket.bytesRead + LINGER_BYTES;
  const count = () => {
    if (socket.bytesRead > mostBytes) socket.destroy();
  };
  const stop = () => {
    clearTimeout(timer);
    socket.off('data', count);
  };
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  request.once('end', stop).resume();
  // Of the socket: of a request that nobody read Node does not say what it throws away.
  socket.on('data', count).once('close', stop);
  // That listener took the reading over from the parser, which had stopped it maybe, and would have started it again.
  const handle = handleOf(socket);
  if (handle && !handle.reading) {
    handle.reading = true;
    handle.readStart();
  }
}

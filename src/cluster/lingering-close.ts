import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { handleOf } from './front-head.ts';

/** The time that a client may go on sending after the response. */
const LINGER_MS = 2_000;
/** The bytes that it may still send. */
const LINGER_BYTES = 4 * 1024 * 1024;

/**
 * Lingering close, as nginx calls it. A server may answer a request before its body has arrived. If the connection
 * closes with the response, Node resets it at once, often before the client has read the response; if it stays open,
 * Node discards the body without a limit. This function makes the server discard the rest in both cases, for
 * `LINGER_MS` and `LINGER_BYTES` at most, and then destroys the connection.
 */
export function enableLingeringClose(httpServer: HttpServer): void {
  httpServer.prependListener('request', (request, response) => {
    const { socket } = request;
    // Node calls it after the last response of a connection.
    socket.destroySoon = () => {
      if (request.complete) closeSoon(socket);
      else closeAfterResponse(socket, request);
    };
    response.once('finish', () => {
      if (!request.complete && !socket.writableEnded) boundRest(socket, request);
    });
  });
}

/** Call it after the response is written; `request` ends when the client has sent everything. */
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
  // The listener is on the socket, because Node does not report what it discards of an unread request.
  socket.on('data', count).once('close', stop);
  // The listener has taken over reading from the parser, which may have paused it and would have resumed it.
  const handle = handleOf(socket);
  if (handle && !handle.reading) {
    handle.reading = true;
    handle.readStart();
  }
}

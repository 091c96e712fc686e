import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from './engine.ts';

/** A load generator has a dozen on the way, a browser and a proxy one. */
export const MAX_UNANSWERED_REQUESTS = 64;

const UNANSWERED = Symbol('unanswered requests');
type CountedSocket = Socket & { [UNANSWERED]?: ServerResponse[] | undefined };

/**
 * Handles the pipelined requests of a connection one after the other, each in a turn of the event loop of its own, and ends a
 * connection with too many of them. Node would begin all requests of a chunk in one turn, 1,300 and more of 64 KiB: one client
 * that sent such chunks made others wait for 840 ms.
 */
export function oneAfterAnother(handle: RequestHandler): RequestHandler {
  function begin(response: ServerResponse): void {
    if (!response.req.socket.destroyed) handle(response.req, response);
  }

  function closed(this: ServerResponse): void {
    const socket: CountedSocket = this.req.socket;
    const unanswered = socket[UNANSWERED];
    // The responses of a connection that ends close in any order.
    if (unanswered?.[0] !== this) return;
    unanswered.shift();
    const [next] = unanswered;
    if (next) setImmediate(begin, next);
    else socket[UNANSWERED] = undefined;
  }

  return (request, response) => {
    const socket: CountedSocket = request.socket;
    const unanswered = socket[UNANSWERED];
    response.once('close', closed);
    if (!unanswered) {
      socket[UNANSWERED] = [response];
      return handle(request, response);
    }
    unanswered.push(response);
    if (unanswered.length > MAX_UNANSWERED_REQUESTS) socket.destroy();
  };
}

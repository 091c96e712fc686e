import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/* The private members of HTTP connections: of Node's parser and of Engine.IO's polling transport. See private-members.ts. */

interface ParsedSocket extends Socket {
  readonly parser?: {
    onIncoming?: ((request: IncomingMessage, keepAlive: boolean) => number) | null;
  } | null;
}

/** Ends the parse of a chunk with an error. */
const STOP = -1;

/**
 * Node parses and begins the rest of a chunk even after its connection was destroyed, a thousand requests and more, and makes an
 * error with a stack trace of each.
 */
export function parseNothingOfDestroyed(server: HttpServer): void {
  server.on('connection', (socket: ParsedSocket) => {
    const { parser } = socket;
    const onIncoming = parser?.onIncoming;
    if (!parser || !onIncoming) return;
    parser.onIncoming = (request, keepAlive) => (socket.destroyed ? STOP : onIncoming(request, keepAlive));
  });
}

interface PrivatePolling {
  readonly name: string;
  readonly discarded: boolean;
  readonly closeTimeout: number;
  writable: boolean;
  req: (IncomingMessage & { cleanup(): void }) | null;
  res: ServerResponse | null;
  send(packets: readonly { readonly type: string }[]): void;
  doClose(done: () => void): void;
  onClose(): void;
  onError(message: string, description?: unknown): void;
  onRequest(request: IncomingMessage & { res: ServerResponse | null }): void;
}

/** Answers the requests of a polling client whose session ends. */
export interface PollingEnd {
  poll(response: ServerResponse): void;
  post(response: ServerResponse): void;
  takesPosts(): boolean;
}

/**
 * Replaces Engine.IO's CLOSE packet, by which a polling session ends, with the PollingEnd that `open` returns. Other transports
 * stay unchanged. `done` ends the session; `unfetchedMs` is how long Engine.IO waits for a poll.
 */
export function endPollingBy(
  given: object,
  open: (done: () => void, unfetchedMs: number) => PollingEnd,
): void {
  const transport = given as PrivatePolling;
  if (transport.name !== 'polling' || typeof transport.doClose !== 'function') return;
  const doClose = transport.doClose.bind(transport);
  const onError = transport.onError.bind(transport);
  const onRequest = transport.onRequest.bind(transport);
  let faulty = false;
  let ending: PollingEnd | undefined;

  transport.onError = (message, description) => {
    faulty = true;
    onError(message, description);
  };

  transport.doClose = (done) => {
    if (faulty) return doClose(done);
    const end = () => {
      done();
      transport.onClose();
    };
    if (transport.discarded) {
      // The connection goes on without this transport after an upgrade. When the engine closes, the next poll fails
      // anyway.
      if (transport.writable) transport.send([{ type: 'noop' }]);
      end();
      return;
    }
    ending = open(end, transport.closeTimeout);
    const { req, res } = transport;
    if (!transport.writable || !res) return;
    transport.writable = false;
    req?.cleanup();
    ending.poll(res);
  };

  transport.onRequest = (request) => {
    const { res } = request;
    if (!ending || !res) return onRequest(request);
    if (request.method === 'GET') {
      request.res = null;
      ending.poll(res);
    } else if (ending.takesPosts()) {
      ending.post(res);
      onRequest(request);
    } else {
      request.destroy();
    }
  };
}

import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer, Socket } from 'node:net';
import { setupMaster } from '@socket.io/sticky';
import type { Logger } from 'pino';
import { refuse } from '../protocol/codes.ts';
import { readHead } from './front-head.ts';

export interface FrontDeps {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  readonly now: () => number;
  /** How long a connection may take to say what it wants. */
  readonly headTimeoutMs?: number;
}

export interface Front {
  readonly port: number;
  /** Whether new sessions may go to this worker; until told so they may not. */
  serving(workerId: number, yes: boolean): void;
  /** Ends the listener. Sessions live on in their workers; requests that are just coming in are cut. */
  close(): Promise<void>;
}

/** What of a socket's handle Node keeps to itself. */
interface TcpHandle {
  readStop(): number;
  close(): void;
}

interface HandOver {
  readonly socket: Socket;
  readonly handle: TcpHandle;
  readonly since: number;
}

/** What the front knows of one worker. */
interface Desk {
  serving: boolean;
  readonly sessions: Set<string>;
  /** Given to the channel, which passes one socket at a time and waits for the worker to say it has it. */
  readonly handOvers: Set<HandOver>;
  lastHandedOver: TcpHandle | undefined;
  /** Requests with a body: the socket stays here and its bytes travel by message. */
  readonly uploads: Set<Socket>;
}

/** A worker that has not taken a socket for so long is stalled: new sessions go elsewhere. */
const STALLED_MS = 2_000;
/**
 * A worker answers the handshake at once and its message about the new session comes by another way: the client's
 * second request overtook it in 6 of 1000 polling connects, and another worker said "Session ID unknown".
 */
const SESSION_NEWS_MS = 200;
const SESSION_ID = /^[^\r\n]*[?&]sid=([\w-]{20})/;
/** Clients put the session id near the start; behind a longer query sticky still finds it, only the wait is left out. */
const MAX_REQUEST_LINE_BYTES = 2_048;
/** How long a client may take to close its end after the answer to an upload. */
const LINGER_MS = 2_000;

/**
 * To be opened before the first worker is forked. The front door: every connection is read up to the end of its first headers, then @socket.io/sticky gives it to
 * the worker that has the session, or to the one with the fewest.
 *
 * sticky passes the socket while this process still reads it, and Node throws away what arrives until the worker
 * has confirmed it: 5 to 13 of 600 WebSocket clients lost their first frame and hung (Node issue 8353). So reading
 * stops on the raw handle in the same turn; `socket.pause()` is not enough, since the stream starts the handle
 * again. What arrives from then on waits in the kernel for the worker.
 */
export async function openFront(deps: FrontDeps): Promise<Front> {
  const { log, now, headTimeoutMs = 15_000 } = deps;
  const desks = new Map<number, Desk>();
  const reading = new Set<Socket>();
  /** sticky listens to it as if it were an HTTP server; it hears only of connections that have said enough. */
  const door = new EventEmitter();
  let entering: Socket | undefined;
  /** Emits the id of each new session. */
  const expected = new EventEmitter().setMaxListeners(0);

  setupMaster(door as unknown as HttpServer, { loadBalancingMethod: 'least-connection' });

  function openDesk(worker: Worker): void {
    const desk: Desk = {
      serving: false,
      sessions: new Set(),
      handOvers: new Set(),
      lastHandedOver: undefined,
      uploads: new Set(),
    };
    desks.set(worker.id, desk);
    // sticky compares and itself counts up and down `clientsCount`, from all of `cluster.workers`: a worker that
    // starts or drains must never be the smallest, and its own counting would drift over that.
    Object.defineProperty(worker, 'clientsCount', { get: () => load(desk, now()), set: () => {} });
    watchSends(worker, desk);
    worker.on('message', ({ type, data }: { type?: unknown; data?: unknown }) => {
      if (type === 'sticky:connection') {
        desk.sessions.add(String(data));
        expected.emit(String(data));
      } else if (type === 'sticky:disconnection') desk.sessions.delete(String(data));
    });
    worker.once('exit', () => {
      desks.delete(worker.id);
      releaseAll(desk);
    });
  }

  /** Sees which worker sticky chose, and takes part in the hand-over. */
  function watchSends(worker: Worker, desk: Desk): void {
    const send = worker.send as (...args: unknown[]) => boolean;
    worker.send = ((message: { type?: unknown }, second?: unknown, ...rest: unknown[]) => {
      if (message.type === 'sticky:connection' && second instanceof Socket) {
        const callback = rest.pop() as (error: Error | null) => void;
        return handOver(desk, second, now(), (done) =>
          send.call(worker, message, second, (error: Error | null) => {
            done();
            callback(error);
          }),
        );
      }
      if (message.type === 'sticky:http-chunk-start' && entering) keepUpload(desk, entering);
      return send.call(worker, message, second, ...rest);
    }) as Worker['send'];
  }

  function connect(socket: Socket): void {
    // A client's reset must not end the primary; what follows it is `close`.
    socket.on('error', () => {});
    reading.add(socket);
    socket.once('close', () => reading.delete(socket));
    let waited = false;
    const reader = readHead(
      socket,
      { timeoutMs: headTimeoutMs },
      {
        complete(bytes) {
          const sid = SESSION_ID.exec(bytes.toString('latin1', 0, MAX_REQUEST_LINE_BYTES))?.[1];
          const owner = sid === undefined ? undefined : ownerOf(sid);
          if (sid !== undefined && !owner && !waited) {
            waited = true;
            expectSession(sid, reader.retry);
            return 'later';
          }
          enter(socket, bytes, owner);
          return 'taken';
        },
        refused: (status) => (status ? turnAway(socket, status) : socket.destroy()),
      },
    );
  }

  function ownerOf(sid: string): Desk | undefined {
    for (const desk of desks.values()) if (desk.sessions.has(sid)) return desk;
    return undefined;
  }

  /** Calls back when a worker says that it has the session, or when it is time to believe that nobody has. */
  function expectSession(sid: string, retry: () => void): void {
    const known = () => {
      clearTimeout(timer);
      expected.off(sid, known);
      retry();
    };
    const timer = setTimeout(known, SESSION_NEWS_MS);
    expected.on(sid, known);
  }

  /** While no worker takes new sessions, those of workers that drain go on. */
  function enter(socket: Socket, bytes: Buffer, owner: Desk | undefined): void {
    reading.delete(socket);
    const open = owner || [...desks.values()].some((desk) => Number.isFinite(load(desk, now())));
    if (!open) {
      turnAway(socket, '503 Service Unavailable', 'no worker is ready');
      return;
    }
    entering = socket;
    door.emit('connection', socket);
    socket.emit('data', bytes);
    entering = undefined;
  }

  cluster.on('fork', openDesk);

  const server = createServer({ allowHalfOpen: true, noDelay: true }, connect);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: deps.host, port: deps.port }, resolve);
  });
  server.on('error', (error) => log.error({ err: error }, 'front door'));
  const address = server.address();

  return {
    port: typeof address === 'object' && address ? address.port : deps.port,
    serving(workerId, yes) {
      const desk = desks.get(workerId);
      if (desk) desk.serving = yes;
    },
    async close() {
      cluster.off('fork', openDesk);
      // Not awaited: Node ends a server's `close` only after all sockets that were ever passed on have closed.
      server.close();
      for (const socket of reading) socket.destroy();
    },
  };
}

function load(desk: Desk, nowMs: number): number {
  const [oldest] = desk.handOvers;
  if (!desk.serving || (oldest && nowMs - oldest.since > STALLED_MS)) return Number.POSITIVE_INFINITY;
  return desk.sessions.size + desk.handOvers.size;
}

/** The private part: see `openFront` for why. */
function handOver(desk: Desk, socket: Socket, nowMs: number, send: (done: () => void) => boolean): boolean {
  const handle = (socket as unknown as { _handle: TcpHandle | null })._handle;
  // Closed by the client in this very turn.
  if (!handle) return send(() => {});
  handle.readStop();
  const entry = { socket, handle, since: nowMs };
  desk.handOvers.add(entry);
  return send(() => {
    desk.handOvers.delete(entry);
    desk.lastHandedOver = handle;
  });
}

function keepUpload(desk: Desk, socket: Socket): void {
  desk.uploads.add(socket);
  socket.once('close', () => desk.uploads.delete(socket));
  socket.once('finish', () => setTimeout(() => socket.destroy(), LINGER_MS).unref());
}

/**
 * After a worker's death: nobody else would close what was on its way to it, and those clients would wait for ever.
 * Closing a handle again that the worker had confirmed does nothing.
 */
function releaseAll(desk: Desk): void {
  for (const { socket, handle } of desk.handOvers) {
    socket.destroy();
    handle.close();
  }
  desk.lastHandedOver?.close();
  for (const socket of desk.uploads) socket.destroy();
}

function turnAway(socket: Socket, status: string, message?: string): void {
  const body = message ? JSON.stringify({ error: refuse('unavailable', message, 1_000).error }) : '';
  const lines = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    ...(message ? ['Retry-After: 1', 'Content-Type: application/json'] : []),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  // What still comes is thrown away; destroying at once would reset the connection before the answer is read.
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { refuse } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import { handleOf, readHead } from './front-head.ts';
import { chooseUpstream, createFrontUpstream, type FrontUpstream } from './front-upstream.ts';
import { closeAfterResponse } from './lingering-close.ts';
import { TOO_MANY_OPEN } from './open-connections.ts';

export interface FrontDeps {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  /** So many connections may be on their way to a worker. */
  readonly mostConnections: number;
  readonly now: () => number;
  /** The time limit for the first headers of a connection to arrive. */
  readonly headTimeoutMs?: number;
}

export interface Front {
  readonly port: number;
  /** Sets whether new sessions may go to this worker; false at first. */
  serving(workerId: number, yes: boolean): void;
  /** During a reload, new sessions go to workers that began to serve since: no client moves twice. */
  renewing(yes: boolean): void;
  /** Closes the listener. Sessions go on in their workers; requests whose headers are incomplete are cut off. */
  close(): Promise<void>;
}

/**
 * A worker answers the handshake at once, and reports the new session over IPC. In 6 of 1000 polling connects the client's
 * second request overtook the report, and another worker answered "Session ID unknown".
 */
const SESSION_NEWS_MS = 200;
/** The headers of a request must arrive within this time. */
export const HEAD_TIMEOUT_MS = 15_000;

/**
 * The front door; open it before the first worker is forked. It reads every connection up to the end of the first headers,
 * then hands it to the worker that has the session, or to the one with the fewest sessions. @socket.io/sticky in the
 * workers reports the sessions.
 *
 * It hands over the socket itself, for WebSockets and bodies too. So the primary, which may be the store, holds no bytes but
 * those that came with the headers, and the worker that reads a client applies the backpressure. The primary part of
 * sticky relays bodies as messages, without backpressure, and takes an upgrade for a body if its headers contain
 * `content-length:` anywhere: five clients that did not read grew this process to 1.4 GB in 30 s.
 */
export async function openFront(deps: FrontDeps): Promise<Front & Sized> {
  const { log, now, mostConnections, headTimeoutMs = HEAD_TIMEOUT_MS } = deps;
  const upstreams = new Map<number, FrontUpstream>();
  /** The upstreams that began to serve since the reload began; undefined while none runs. */
  let renewed: Set<FrontUpstream> | undefined;
  const reading = new Set<Socket>();
  /** Emits the id of each new session. */
  const expected = new EventEmitter().setMaxListeners(0);

  function addUpstream(worker: Worker): void {
    const upstream = createFrontUpstream({ worker, now, onSession: (sessionId) => expected.emit(sessionId) });
    upstreams.set(worker.id, upstream);
    worker.once('exit', () => {
      upstreams.delete(worker.id);
      renewed?.delete(upstream);
      upstream.release();
    });
  }

  /** Connections that hold a file of this process. Without a bound on them no further worker could be forked. */
  function arriving(): number {
    let count = reading.size;
    for (const upstream of upstreams.values()) count += upstream.handingOver;
    return count;
  }

  function connect(socket: Socket): void {
    // A client's reset must not end the primary; `close` follows.
    socket.on('error', () => {});
    const connections = arriving();
    if (connections >= mostConnections) {
      socket.destroy();
      log.warn({ connections }, TOO_MANY_OPEN);
      return;
    }
    reading.add(socket);
    socket.once('close', () => reading.delete(socket));
    let waited = false;
    const reader = readHead(
      socket,
      { timeoutMs: headTimeoutMs },
      {
        complete(bytes, sessionId) {
          const owner = sessionId === undefined ? undefined : ownerOf(sessionId);
          if (sessionId !== undefined && !owner && !waited) {
            waited = true;
            expectSession(sessionId, reader.retry);
            return 'later';
          }
          enter(socket, bytes, owner);
          return 'taken';
        },
        refused: (status) => (status ? turnAway(socket, status) : socket.destroy()),
      },
    );
  }

  function ownerOf(sessionId: string): FrontUpstream | undefined {
    for (const upstream of upstreams.values()) if (upstream.hasSession(sessionId)) return upstream;
    return undefined;
  }

  /** Calls back when a worker reports the session, or after the time limit. */
  function expectSession(sessionId: string, retry: () => void): void {
    const known = () => {
      clearTimeout(timer);
      expected.off(sessionId, known);
      retry();
    };
    const timer = setTimeout(known, SESSION_NEWS_MS);
    expected.on(sessionId, known);
  }

  /** Existing sessions go on in workers that drain, also while no worker takes new ones. */
  function enter(socket: Socket, bytes: Buffer, owner: FrontUpstream | undefined): void {
    reading.delete(socket);
    const upstream = owner ?? chooseUpstream(renewed ?? [], upstreams.values());
    if (!upstream) turnAway(socket, '503 Service Unavailable', 'no worker is ready');
    else if (!upstream.handOver(socket, bytes))
      turnAway(socket, '503 Service Unavailable', 'the worker of this session is busy');
  }

  cluster.on('fork', addUpstream);

  const server = createServer({ allowHalfOpen: true, noDelay: true }, connect);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: deps.host, port: deps.port }, resolve);
  });
  server.on('error', (error) => log.error({ err: error }, 'the front door failed'));
  const address = server.address();

  return {
    sizes: () => ({
      reading: reading.size,
      upstreams: Object.fromEntries([...upstreams].map(([id, upstream]) => [id, upstream.sizes()])),
    }),
    port: typeof address === 'object' && address ? address.port : deps.port,
    serving(workerId, yes) {
      const upstream = upstreams.get(workerId);
      if (!upstream) return;
      upstream.serving = yes;
      if (yes) renewed?.add(upstream);
    },
    renewing(yes) {
      renewed = yes ? new Set() : undefined;
    },
    async close() {
      cluster.off('fork', addUpstream);
      // `close` is not awaited: Node finishes it only after all sockets that were ever handed over have closed.
      server.close();
      for (const socket of reading) socket.destroy();
    },
  };
}

function turnAway(socket: Socket, status: string, message?: string): void {
  const body = message ? JSON.stringify({ error: refuse('unavailable', message, 1_000).error }) : '';
  const lines = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    ...(message ? ['Retry-After: 1', 'Content-Type: application/json'] : []),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  handleOf(socket)?.readStart();
  closeAfterResponse(socket, socket);
}

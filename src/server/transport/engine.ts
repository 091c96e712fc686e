import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Server as Engine } from 'engine.io';
import { Server } from 'socket.io';
import { Encoder } from 'socket.io-parser';
import type { ClientToServer, ServerToClient } from '../../protocol/events.ts';
import { MAX_PACKET_BYTES } from '../../protocol/limits.ts';
import type { ConnectLimit } from './connect-limit.ts';
import {
  addressIsTooFast,
  type ConnectRefusal,
  opensSession,
  refuseConnect,
  refuseConnectUpgrade,
  workerIsFull,
} from './connect-refusals.ts';
import { type AllowedOrigins, isOriginAllowed } from './origins.ts';
import { TextOnlyDecoder } from './packet-decoder.ts';
import { type Connection, sessionIdOf } from './private-members.ts';
import { hasBody, refuseUpgrade, UPGRADE_NOT_FOUND, UPGRADE_WITH_BODY } from './refused-upgrades.ts';
import { StrictEngine } from './strict-engine.ts';

export interface EngineOptions {
  readonly socketPath: string;
  readonly corsOrigin: AllowedOrigins;
  readonly allowEio3: boolean;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Called with each new connection before Socket.IO listens to it. */
  readonly onConnection: (connection: Connection) => void;
  readonly connectLimit: ConnectLimit;
  /** The most connections at a time; 0: no limit. */
  readonly maxWorkerClients: number;
  /** A connection was refused because there are so many. */
  readonly onFull: () => void;
}

export type SocketIoServer = Server<ClientToServer, ServerToClient>;
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Routes {
  readonly onRequest: RequestHandler;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Socket.IO without a listener of its own. */
export interface ChatEngine {
  readonly io: SocketIoServer;
  readonly engine: Engine;
  /**
   * Returns the handlers for HTTP servers. They serve Socket.IO's path and pass all other requests to `elsewhere`; `onHandled` is
   * called for requests that the engine took. `engine.attach` is not used: with it, closing a listener closes all connections.
   */
  route(elsewhere: RequestHandler, onHandled: RequestHandler): Routes;
}

/** A connection that is in no namespace for this time is closed: Socket.IO closes one that never enters any. */
export const CONNECT_TIMEOUT_MS = 10_000;

export function createChatEngine(options: EngineOptions): ChatEngine {
  const { socketPath, corsOrigin, maxWorkerClients } = options;
  const allowed = (request: IncomingMessage) => isOriginAllowed(request, corsOrigin);
  const engine = new StrictEngine({
    maxHttpBufferSize: MAX_PACKET_BYTES,
    pingInterval: options.pingIntervalMs,
    pingTimeout: options.pingTimeoutMs,
    allowEIO3: options.allowEio3,
    // Members of a room share one encoded frame, which per-connection compression would forbid.
    perMessageDeflate: false,
    httpCompression: false,
    allowRequest: (request, callback) =>
      allowed(request) ? callback(null, true) : callback('this origin is not allowed', false),
    cors: (request, callback) =>
      callback(null, { origin: allowed(request as IncomingMessage), credentials: corsOrigin !== '*' }),
  });
  // Engine.IO does not call `allowRequest` once a session exists: a page with a stolen session id could use it.
  engine.use((request: IncomingMessage, response: ServerResponse, next: (error?: Error) => void) => {
    if (sessionIdOf(request) === undefined || allowed(request)) next();
    else if (request.headers.upgrade) next(new Error('this origin is not allowed'));
    else refuseOrigin(response);
  });
  const io: SocketIoServer = new Server({
    serveClient: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    parser: { Encoder, Decoder: TextOnlyDecoder },
  });
  engine.on('connection', options.onConnection);
  io.bind(engine);

  const bare = socketPath.slice(0, -1);
  function isOurs(url: string | undefined): boolean {
    const path = url?.split('?', 1)[0];
    return path === bare || path === socketPath;
  }

  function refusalOf(request: IncomingMessage): ConnectRefusal | undefined {
    // A CORS preflight opens no session.
    if (request.method === 'OPTIONS' || !opensSession(request)) return undefined;
    if (maxWorkerClients > 0 && engine.clientsCount >= maxWorkerClients) {
      options.onFull();
      return workerIsFull();
    }
    const waitMs = options.connectLimit.take(request);
    return waitMs > 0 ? addressIsTooFast(waitMs) : undefined;
  }

  return {
    io,
    engine,
    route(elsewhere, onHandled) {
      return {
        onRequest(request, response) {
          if (!isOurs(request.url)) return elsewhere(request, response);
          const refusal = refusalOf(request);
          if (refusal) return refuseConnect(response, refusal);
          engine.handleRequest(request as never, response);
          onHandled(request, response);
        },
        onUpgrade(request, socket, head) {
          socket.on('error', giveUp);
          if (hasBody(request)) return refuseUpgrade(socket, UPGRADE_WITH_BODY);
          if (!isOurs(request.url)) return refuseUpgrade(socket, UPGRADE_NOT_FOUND);
          const refusal = refusalOf(request);
          if (refusal) refuseConnectUpgrade(socket, refusal);
          else engine.handleUpgrade(request as never, socket, head);
        },
      };
    },
  };
}

function giveUp(this: Duplex): void {
  this.destroy();
}

const FORBIDDEN = JSON.stringify({ code: 4, message: 'this origin is not allowed' });

/** The same answer as Engine.IO's after `allowRequest`. */
function refuseOrigin(response: ServerResponse): void {
  response.writeHead(403, { 'Content-Type': 'application/json' });
  response.end(FORBIDDEN);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Server as Engine } from 'engine.io';
import { Server } from 'socket.io';
import { Encoder } from 'socket.io-parser';
import type { ClientToServer, ServerToClient } from '../../protocol/events.ts';
import { MAX_PACKET_BYTES } from '../../protocol/limits.ts';
import { answerTooMany, type ConnectLimit, endTooMany, opensSession } from './connect-limit.ts';
import { type AllowedOrigins, isOriginAllowed } from './origins.ts';
import { PlainDecoder } from './packet-decoder.ts';
import { ReturningEngine } from './polling-ends.ts';
import { type Connection, sessionIdOf } from './private-members.ts';
import { hasBody, refuseUpgrade, UPGRADE_NOT_FOUND, UPGRADE_WITH_BODY } from './refused-upgrades.ts';

export interface EngineOptions {
  readonly socketPath: string;
  readonly corsOrigin: AllowedOrigins;
  readonly allowEio3: boolean;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Of each new connection, before Socket.IO listens to it. */
  readonly onConnection: (connection: Connection) => void;
  readonly connectLimit: ConnectLimit;
}

export type ChatServer = Server<ClientToServer, ServerToClient>;
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Routes {
  readonly onRequest: RequestHandler;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Socket.IO without a listener of its own. */
export interface ChatEngine {
  readonly io: ChatServer;
  readonly engine: Engine;
  /**
   * What HTTP servers are to call: Socket.IO's paths are served here, all others by `elsewhere`; `onHandled`
   * is told of those the engine was given. Not
   * `engine.attach`, with which closing a listener would close every client's connection.
   */
  route(elsewhere: RequestHandler, onHandled: RequestHandler): Routes;
}

/** Time from the first byte to a namespace: whoever only opens a connection does not keep it. */
const CONNECT_TIMEOUT_MS = 10_000;

export function createChatEngine(options: EngineOptions): ChatEngine {
  const { socketPath, corsOrigin } = options;
  const allowed = (request: IncomingMessage) => isOriginAllowed(request, corsOrigin);
  const engine = new ReturningEngine({
    maxHttpBufferSize: MAX_PACKET_BYTES,
    pingInterval: options.pingIntervalMs,
    pingTimeout: options.pingTimeoutMs,
    allowEIO3: options.allowEio3,
    // Compressed connections cannot share one encoded frame among a room's members.
    perMessageDeflate: false,
    httpCompression: false,
    allowRequest: (request, callback) =>
      allowed(request) ? callback(null, true) : callback('this origin is not allowed', false),
    cors: (request, callback) =>
      callback(null, { origin: allowed(request as IncomingMessage), credentials: corsOrigin !== '*' }),
  });
  // `allowRequest` is not asked once a session exists: a page that got hold of a session id could speak for it.
  engine.use((request: IncomingMessage, response: ServerResponse, next: (error?: Error) => void) => {
    if (sessionIdOf(request) === undefined || allowed(request)) next();
    else if (request.headers.upgrade) next(new Error('this origin is not allowed'));
    else refuseOrigin(response);
  });
  const io: ChatServer = new Server({
    serveClient: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    parser: { Encoder, Decoder: PlainDecoder },
  });
  engine.on('connection', options.onConnection);
  io.bind(engine);

  const bare = socketPath.slice(0, -1);
  function isOurs(url: string | undefined): boolean {
    const path = url?.split('?', 1)[0];
    return path === bare || path === socketPath;
  }

  const waitToOpen = (request: IncomingMessage) =>
    opensSession(request) ? options.connectLimit.take(request) : 0;

  return {
    io,
    engine,
    route(elsewhere, onHandled) {
      return {
        onRequest(request, response) {
          if (!isOurs(request.url)) return elsewhere(request, response);
          // A browser's question whether its page may ask opens nothing.
          const waitMs = request.method === 'OPTIONS' ? 0 : waitToOpen(request);
          if (waitMs > 0) return answerTooMany(response, waitMs);
          engine.handleRequest(request as never, response);
          onHandled(request, response);
        },
        onUpgrade(request, socket, head) {
          socket.on('error', giveUp);
          if (hasBody(request)) return refuseUpgrade(socket, UPGRADE_WITH_BODY);
          if (!isOurs(request.url)) return refuseUpgrade(socket, UPGRADE_NOT_FOUND);
          const waitMs = waitToOpen(request);
          if (waitMs > 0) endTooMany(socket, waitMs);
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

/** As Engine.IO says it where it asks `allowRequest`. */
function refuseOrigin(response: ServerResponse): void {
  response.writeHead(403, { 'Content-Type': 'application/json' });
  response.end(FORBIDDEN);
}

import type { EventEmitter } from 'node:events';
import { type IncomingHttpHeaders, IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Server as Engine } from 'engine.io';
import type { ClientSocket } from '../socket-types.ts';
import { SmallQueue } from './small-queue.ts';

/*
 * The only file that touches private members of Socket.IO, Engine.IO, ws and Node's streams. It exists for three reasons, each
 * measured alone on Node 20 and 24:
 *
 *   DirectPath          writes one encoded frame to all members of a room: 0.5 to 0.6 of the CPU of a write by Engine.IO
 *   shrinkConnection    drops what an idle connection does not need: 1.7 KB of its first request, 1.6 KB of its listeners,
 *                       0.9 KB of its lists
 *   the rest            bounds what one client can make this process keep; no public member tells or does that
 *
 * Other such members were tried and save less than 10 % of the CPU of a delivery and 0.8 KB of a connection.
 */

/** One client's connection: Engine.IO's socket, shared by its namespaces. */
export type Connection = ClientSocket['conn'];

export interface ConnectionInternals {
  /** Holds for the connection's life, also over its upgrade. */
  pathTo(connection: Connection): FramePath;
  /** The connection's stream, if it has one of its own: polling has not. */
  streamOf(connection: Connection): Socket | undefined;
  /**
   * What this process keeps for the client because it was not taken yet: packets that were not written, bytes that were
   * written and not sent, HTTP answers on their way. Cheap enough to be asked before every write.
   */
  waitingBytes(connection: Connection): number;
  /** Forgets the packets that were not written. What was begun to be written stays: half a frame is none. */
  dropPackets(connection: Connection): void;
  /** While set, what Socket.IO calls volatile is not kept for the connection. It asks this itself only of its own transport. */
  dropVolatile(connection: Connection, drop: boolean): void;
  /** The engine handles a request of a connection of its own: the answer to a poll counts as waiting until it is sent. */
  answering(engine: Engine, request: IncomingMessage, response: ServerResponse): void;
  /**
   * Asks about what a polling client sends, each body unwrapped, before it is taken apart. It is answered all the same.
   */
  inspectPosts(
    connection: Connection,
    accept: (connection: Connection, payload: string | Buffer) => boolean,
  ): void;
  /** Reads nothing more of it, so that its sender has to wait. Polling asks for each answer anyway. */
  pauseReading(connection: Connection): void;
  resumeReading(connection: Connection): void;
  /** Ends a transport that is not yet the connection's. */
  terminateTransport(transport: unknown): void;
  /** Ends the connection at once, with all that waits. */
  terminate(connection: Connection): void;
}

/** The way past Engine.IO and ws to one client. */
export interface FramePath {
  /**
   * Writes complete WebSocket text frames, the same buffer to many connections. False where they cannot go straight to the
   * system in their order (a connection that polls, upgrades, ends or has packets waiting, a client of 2.x): then nothing was
   * written.
   */
  write(frames: Buffer): boolean;
}

interface Packet {
  readonly data?: string | Buffer;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

interface PrivateConnection {
  request: unknown;
  cleanupFn: unknown;
  sentCallbackFn: unknown;
  readonly readyState: string;
  readonly protocol: number;
  writeBuffer: readonly Packet[];
  readonly transport: EventEmitter & {
    /** Of ws's kind: absent while polling. */
    readonly socket?: PrivateWebSocket;
    readonly perMessageDeflate?: unknown;
    readonly name: string;
    /** Shared by all connections of a protocol. */
    parser: PrivateParser;
  };
  onClose(reason: string): void;
}

interface PrivateParser {
  /** Answers the packets, or, in the protocol of 2.x, tells of each. */
  decodePayload(payload: string | Buffer, ...rest: unknown[]): unknown;
}

interface PrivateWebSocket extends EventEmitter {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly _socket?: Socket | null;
  pause(): void;
  resume(): void;
  terminate(): void;
}

const EIO4 = 4;
/** As ws has it. */
const OPEN = 1;
/** Beside its text a packet costs the objects that hold it: with small messages more than the text. */
const PACKET_BYTES = 256;

/** What a write looks at, close together: with a thousand members most of its time was spent on fetching it. */
class DirectPath implements FramePath {
  private readonly connection: PrivateConnection;
  private transport: PrivateConnection['transport'] | undefined;
  private webSocket: PrivateWebSocket | undefined;
  private stream: Socket | undefined;

  constructor(connection: PrivateConnection) {
    this.connection = connection;
  }

  write(frames: Buffer): boolean {
    const { connection } = this;
    if (connection.transport !== this.transport) this.find();
    const { stream, webSocket } = this;
    if (!stream || connection.writeBuffer.length > 0) return false;
    if (connection.readyState !== 'open' || webSocket?.readyState !== OPEN) return false;
    stream.write(frames);
    return true;
  }

  private find(): void {
    const { transport, protocol } = this.connection;
    const stream = transport.socket?._socket;
    this.transport = transport;
    this.webSocket = transport.socket;
    const straight = stream && protocol === EIO4 && !transport.perMessageDeflate;
    this.stream = straight ? stream : undefined;
  }
}

/** As Engine.IO found it: the session that a request speaks for. */
export function sessionIdOf(request: IncomingMessage): unknown {
  return (request as IncomingMessage & { _query?: { sid?: unknown } })._query?.sid;
}

export function createConnectionInternals(): ConnectionInternals {
  // Engine.IO puts another buffer in the place of one it has written, so that a sum only ever has to be added to.
  const sums = new WeakMap<readonly Packet[], { packets: number; bytes: number }>();
  const answers = new WeakMap<Connection, Set<ServerResponse>>();

  function packetBytes(buffer: readonly Packet[]): number {
    if (buffer.length === 0) return 0;
    let sum = sums.get(buffer);
    if (!sum) {
      sum = { packets: 0, bytes: 0 };
      sums.set(buffer, sum);
    }
    for (; sum.packets < buffer.length; sum.packets += 1) sum.bytes += sizeOf(buffer[sum.packets]);
    return sum.bytes;
  }

  function unfetched(connection: Connection): number {
    let bytes = 0;
    for (const response of answers.get(connection) ?? []) bytes += response.writableLength;
    return bytes;
  }

  return {
    pathTo: (connection) => new DirectPath(connection as unknown as PrivateConnection),
    streamOf: (connection) =>
      (connection as unknown as PrivateConnection).transport.socket?._socket ?? undefined,
    waitingBytes(connection) {
      const { writeBuffer, transport } = connection as unknown as PrivateConnection;
      return packetBytes(writeBuffer) + (transport.socket?.bufferedAmount ?? unfetched(connection));
    },
    dropPackets(connection) {
      (connection as unknown as PrivateConnection).writeBuffer = [];
    },
    dropVolatile(connection, drop) {
      Reflect.deleteProperty(connection, 'write');
      if (!drop) return;
      const write = connection.write.bind(connection);
      connection.write = (data, options, callback) =>
        (options as { readonly volatile?: boolean } | undefined)?.volatile
          ? connection
          : write(data, options, callback);
    },
    answering(engine, request, response) {
      if (request.method !== 'GET') return;
      const { clients } = engine as unknown as { clients: { [sid: string]: Connection } };
      const sid = sessionIdOf(request);
      const connection = typeof sid === 'string' && Object.hasOwn(clients, sid) ? clients[sid] : undefined;
      if (!connection) return;
      const open = answers.get(connection) ?? new Set();
      answers.set(connection, open.add(response));
      response.once('close', () => open.delete(response));
    },
    inspectPosts(connection, accept) {
      const { transport } = connection as unknown as PrivateConnection;
      if (transport.name !== 'polling') return;
      // Of the parser, and not of the transport: by JSONP a body is a form, and its separators are escaped.
      const { parser } = transport;
      const decodePayload: PrivateParser['decodePayload'] = (payload, ...rest) =>
        accept(connection, payload) ? parser.decodePayload(payload, ...rest) : [];
      transport.parser = Object.create(parser, { decodePayload: { value: decodePayload } });
    },
    pauseReading: (connection) => (connection as unknown as PrivateConnection).transport.socket?.pause(),
    resumeReading: (connection) => (connection as unknown as PrivateConnection).transport.socket?.resume(),
    terminateTransport(transport) {
      (transport as PrivateConnection['transport']).socket?.terminate();
    },
    terminate(connection) {
      const { transport } = connection as unknown as PrivateConnection;
      transport.socket?.terminate();
      for (const response of answers.get(connection) ?? []) response.destroy();
      // A poll that never comes would keep the connection for half a minute more.
      if (connection.readyState !== 'closed')
        (connection as unknown as PrivateConnection).onClose('transport close');
    },
  };
}

function sizeOf(packet: Packet | undefined): number {
  const { data = '', options } = packet ?? {};
  let bytes = PACKET_BYTES;
  const frame = options?.wsPreEncodedFrame;
  if (frame) for (const part of frame) bytes += part.length;
  else bytes += Buffer.byteLength(data);
  return bytes;
}

interface PrivateSocket {
  handshake: unknown;
  _anyListeners?: unknown[];
  readonly client: { readonly decoder?: { readonly _callbacks?: { $decoded?: unknown[] } } };
}

type Handler = ((...args: unknown[]) => void) & { readonly listener?: Handler };
type Handlers = Record<string | symbol, Handler | Handler[]>;

/** `once` wraps its listener in more than all else of it takes, and these come once anyway. */
const COMES_ONCE: readonly (string | symbol)[] = ['close', 'error'];
/** What of its headers decides who a connection is, and whether its page may use a cookie. */
const KEPT_HEADERS = ['authorization', 'cookie', 'host', 'origin', 'sec-fetch-site'] as const;
const NO_HEADERS: IncomingHttpHeaders = Object.freeze({});
/** For whoever asks for a socket's handshake after it was let in. */
const NO_HANDSHAKE = Object.freeze({
  headers: {},
  time: '',
  address: '',
  xdomain: false,
  secure: false,
  issued: 0,
  url: '',
  query: {},
  auth: {},
});
/** Not Object's prototype: a client's event named `constructor` must find no listener. */
const NO_HANDLERS = Object.freeze(Object.create(null));

/**
 * Drops what Socket.IO, Engine.IO and ws keep of a connection that was let in and do not look at again. `keepsHeaders`: who
 * the connection is may stand in its headers, and another namespace asks for them again.
 */
export function shrinkConnection(socket: ClientSocket, { keepsHeaders }: { keepsHeaders: boolean }): void {
  const { conn } = socket;
  const connection = conn as unknown as PrivateConnection;
  const { request } = connection;
  if (request instanceof IncomingMessage) {
    connection.request = new KeptRequest(request.url, keepsHeaders ? keptOf(request) : NO_HEADERS);
  }
  const own = socket as unknown as PrivateSocket;
  own.handshake = NO_HANDSHAKE;
  shrinkLists(own, connection);
  shrinkTransport.call(conn);
  if (conn.transport.name !== 'websocket') conn.once('upgrade', shrinkTransport);
  shrinkListeners(conn);
  shrinkListeners(socket as unknown as EventEmitter);
}

/** An array that was pushed to keeps room for 16 more, an emptied one too. */
function shrinkLists(socket: PrivateSocket, connection: PrivateConnection): void {
  const { _anyListeners: any, client } = socket;
  const { cleanupFn, sentCallbackFn } = connection;
  const callbacks = client.decoder?._callbacks;
  if (any) socket._anyListeners = any.slice();
  if (Array.isArray(cleanupFn)) connection.cleanupFn = cleanupFn.slice();
  if (callbacks?.$decoded) callbacks.$decoded = callbacks.$decoded.slice();
  if (!Array.isArray(sentCallbackFn)) return;
  const queue = new SmallQueue();
  for (const callback of sentCallbackFn) queue.push(callback);
  connection.sentCallbackFn = queue;
}

function shrinkTransport(this: Connection): void {
  const { transport } = this as unknown as PrivateConnection;
  if (!transport.socket) return;
  shrinkListeners(transport.socket);
  shrinkListeners(transport);
}

/** Node makes them a hash table, six times as large as an object of three listeners. */
function shrinkListeners(emitter: EventEmitter): void {
  const own = emitter as EventEmitter & { _events: Handlers };
  const { _events: events } = own;
  if (typeof events !== 'object' || events === null || Object.getPrototypeOf(events) !== null) return;
  const fewer: Handlers = Object.create(NO_HANDLERS);
  for (const type of Reflect.ownKeys(events)) {
    const handlers = events[type];
    if (handlers !== undefined) fewer[type] = COMES_ONCE.includes(type) ? unwrapped(handlers) : handlers;
  }
  own._events = fewer;
}

function unwrapped(handlers: Handler | Handler[]): Handler | Handler[] {
  if (Array.isArray(handlers)) return handlers.map((handler) => handler.listener ?? handler);
  return handlers.listener ?? handlers;
}

function keptOf({ headers }: IncomingMessage): IncomingHttpHeaders {
  const kept = KEPT_HEADERS.filter((name) => headers[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, headers[name]]));
}

/** What is left of a connection's first request: its client may enter another namespace, which asks it again. */
class KeptRequest {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;

  constructor(url: string | undefined, headers: IncomingHttpHeaders) {
    this.url = url;
    this.headers = headers;
  }

  get _query(): Record<string, string> {
    return Object.fromEntries(new URL(this.url ?? '', 'http://localhost').searchParams);
  }

  /** Socket.IO asks it whether the connection is encrypted, which behind a front nobody here knows. */
  get connection(): object {
    return {};
  }
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

/** What becomes of the requests of a client that polls once its session ends. */
export interface PollingEnd {
  poll(response: ServerResponse): void;
  post(response: ServerResponse): void;
  takesPosts(): boolean;
}

/**
 * Ends the sessions of a transport that polls by `open`, and not by Engine.IO's CLOSE packet; what is of another kind stays as it
 * is. `done` ends the session, `unfetchedMs` is how long Engine.IO waits for a poll.
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
      // Upgraded, or the whole engine closes: the one goes on without it, the other's client finds nobody next time.
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

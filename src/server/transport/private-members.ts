import type { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Server as Engine } from 'engine.io';
import type { ClientSocket } from '../socket-types.ts';
import { type AcceptPost, holdPosts, inspectPosts, readPosts } from './held-posts.ts';
import { KeptRequest, NO_HANDSHAKE } from './kept-request.ts';
import { SmallQueue } from './small-queue.ts';

/*
 * This file and private-http.ts are the only ones of src/server that touch private members of Socket.IO, Engine.IO, ws and Node's
 * streams; kept-request.ts only replaces the objects that this file takes out of a connection. One other place in src uses a
 * private member: the front door reads the handle of Node's sockets, in cluster/front-head.ts. This file exists for three
 * reasons, each measured alone on Node 20 and 24:
 *
 *   DirectPath          writes one encoded frame to all members of a room: 0.5 to 0.6 of the CPU of a write by Engine.IO
 *   shrinkConnection    drops what an idle connection does not need: 1.7 KB of its first request, 1.6 KB of its listeners,
 *                       0.9 KB of its lists
 *   the rest            bounds the memory that one client can occupy, for which there are no public members
 *
 * A member is used only if it saves 10 % of the CPU of a delivery or 0.8 KB of an idle connection.
 */

/** A client's Engine.IO socket, shared by its Socket.IO sockets, one a namespace. */
export type Connection = ClientSocket['conn'];

export interface ConnectionInternals {
  /** The path stays valid for the connection's life, across its upgrade too. */
  pathTo(connection: Connection): FramePath;
  /** The connection's TCP stream. Undefined while it polls. */
  streamOf(connection: Connection): Socket | undefined;
  /**
   * Bytes in this process that the client has not read: queued packets, bytes written and not sent, HTTP responses in flight.
   * Cheap enough for a call before every write.
   */
  waitingBytes(connection: Connection): number;
  /** Drops queued packets. Frames that are partly written stay. */
  dropPackets(connection: Connection): void;
  /**
   * Returns what makes a client get its volatile events unless `isBehind`. Socket.IO itself drops them while the transport is
   * writing, so of a burst it sends the first only.
   */
  volatileUnless(isBehind: (connection: Connection) => boolean): (socket: ClientSocket) => void;
  /** Registers a request that the engine handles: the response to a poll counts as waiting until it is sent. */
  answering(engine: Engine, request: IncomingMessage, response: ServerResponse): void;
  /** Calls `accept` with each body of a polling client before it is split. A refused body is answered as well. */
  inspectPosts(connection: Connection, accept: AcceptPost): void;
  /**
   * The bytes of the WebSocket's stream that have become packets so far, frame headers included. Undefined while the connection
   * polls.
   */
  parsedBytes(connection: Connection): number | undefined;
  /**
   * Stops reading, so that TCP slows down the client. Of what was read already a WebSocket parses one packet a turn of the event
   * loop, and a polling connection keeps the packets of a body.
   */
  pauseReading(connection: Connection): void;
  resumeReading(connection: Connection): void;
  /** Ends a transport that the connection has not switched to yet. */
  terminateTransport(transport: unknown): void;
  /** Ends the connection at once and drops everything queued. */
  terminate(connection: Connection): void;
}

/** Writes to one client past Engine.IO and ws. */
export interface FramePath {
  /**
   * Writes complete WebSocket text frames; many connections may share the buffer. Returns false, and writes nothing, if a direct
   * write would break the order or is impossible: the connection polls, upgrades, ends, has queued packets or speaks 2.x.
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
    /** The WebSocket of ws. Absent while polling. */
    readonly socket?: PrivateWebSocket;
    readonly perMessageDeflate?: unknown;
    readonly name: string;
  };
  onClose(reason: string): void;
}

/** Shared by the client's sockets of all namespaces. */
interface PrivateClient {
  readonly conn: Connection;
  writeToEngine(
    this: PrivateClient,
    packets: string | Buffer | readonly (string | Buffer)[],
    options: { readonly volatile?: boolean },
  ): void;
}

/** Parses a chunk, either at once or, if events are not synchronous, one packet a turn of the event loop. */
interface PrivateReceiver {
  _allowSynchronousEvents: boolean;
  /** What is not parsed of the chunk that it has in hand. */
  readonly _bufferedBytes: number;
  /** That chunk, and those that wait behind it. */
  readonly writableLength: number;
  readonly _writableState: { readonly writelen: number };
}

interface PrivateWebSocket extends EventEmitter {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly _socket?: Socket | null;
  readonly _receiver?: PrivateReceiver | null;
  pause(): void;
  resume(): void;
  terminate(): void;
}

const EIO4 = 4;
/** The same value as in ws. */
const OPEN = 1;
/** The memory of the objects around a packet's text. They take more than the text of a small message. */
const PACKET_BYTES = 256;

/** Caches what a write checks: with a thousand members most of the time went into fetching it. */
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

/** The session id of a request, as parsed by Engine.IO. */
export function sessionIdOf(request: IncomingMessage): unknown {
  return (request as IncomingMessage & { _query?: { sid?: unknown } })._query?.sid;
}

export function createConnectionInternals(): ConnectionInternals {
  // Engine.IO replaces a buffer that it has written, so a buffer's sum only grows.
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
    volatileUnless(isBehind) {
      // One function for all clients: a closure for each would cost its memory for the connection's life.
      const writeToEngine: PrivateClient['writeToEngine'] = function writeToEngine(packets, options) {
        if (options.volatile && isBehind(this.conn)) return;
        for (const packet of Array.isArray(packets) ? packets : [packets]) {
          this.conn.write(packet, options as never);
        }
      };
      return ({ client }) => {
        (client as unknown as PrivateClient).writeToEngine = writeToEngine;
      };
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
    inspectPosts,
    parsedBytes(connection) {
      const { socket } = (connection as unknown as PrivateConnection).transport;
      const { _socket: stream, _receiver: receiver } = socket ?? {};
      if (!stream || !receiver) return undefined;
      const behind = receiver.writableLength - receiver._writableState.writelen + stream.readableLength;
      return stream.bytesRead - receiver._bufferedBytes - behind;
    },
    pauseReading(connection) {
      const { socket } = (connection as unknown as PrivateConnection).transport;
      if (!socket) return holdPosts(connection);
      socket.pause();
      if (socket._receiver) socket._receiver._allowSynchronousEvents = false;
    },
    resumeReading(connection) {
      const { socket } = (connection as unknown as PrivateConnection).transport;
      if (!socket) return readPosts(connection);
      if (socket._receiver) socket._receiver._allowSynchronousEvents = true;
      socket.resume();
    },
    terminateTransport(transport) {
      (transport as PrivateConnection['transport']).socket?.terminate();
    },
    terminate(connection) {
      const { transport } = connection as unknown as PrivateConnection;
      transport.socket?.terminate();
      for (const response of answers.get(connection) ?? []) response.destroy();
      // Engine.IO would wait half a minute for a poll that never comes.
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

/** These events are emitted once anyway, so the wrapper of `once`, which is larger than the listener, is not needed. */
const COMES_ONCE: readonly (string | symbol)[] = ['close', 'error'];
/** The object has no prototype: a client's event named `constructor` must find no listener. */
const NO_HANDLERS = Object.freeze(Object.create(null));

/**
 * Drops what Socket.IO, Engine.IO and ws keep of a connection after it was admitted and do not use again. With `keepsHeaders` the
 * headers that identify the user stay, because another namespace authenticates by them.
 */
export function shrinkConnection(socket: ClientSocket, { keepsHeaders }: { keepsHeaders: boolean }): void {
  const { conn } = socket;
  const connection = conn as unknown as PrivateConnection;
  const { request } = connection;
  if (request instanceof IncomingMessage) connection.request = new KeptRequest(request, keepsHeaders);
  const own = socket as unknown as PrivateSocket;
  own.handshake = NO_HANDSHAKE;
  shrinkLists(own, connection);
  shrinkTransport.call(conn);
  if (conn.transport.name !== 'websocket') conn.once('upgrade', shrinkTransport);
  shrinkListeners(conn);
  shrinkListeners(socket as unknown as EventEmitter);
}

/** An array that was pushed to reserves space for 16 more elements, even after it was emptied. */
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

/** Node keeps listeners in a hash table, six times as large as a plain object with three of them. */
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

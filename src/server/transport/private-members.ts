import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Server as Engine } from 'engine.io';
import type { ClientSocket } from '../socket-types.ts';
import { createStreamWrites, type StreamPath, type StreamWrites } from './stream-writes.ts';

/*
 * All that is read or called of Engine.IO's and ws's private members stands here and nowhere else; what a connection does not
 * need of them is taken away in idle-connections.ts.
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
  readonly readyState: string;
  readonly protocol: number;
  writeBuffer: readonly Packet[];
  readonly transport: {
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

interface PrivateEngine {
  readonly clients: { readonly [sid: string]: Connection };
}

type PrivateRequest = IncomingMessage & { readonly _query?: { readonly sid?: unknown } };

interface PrivateWebSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly _socket?:
    | (Socket & {
        readonly _handle?: { readonly writeQueueSize?: number } | null;
        /** `writelen`: what of the stream's bytes is in the handle. */
        readonly _writableState?: { readonly writelen?: number };
      })
    | null;
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
  private readonly streams: StreamWrites;
  private transport: PrivateConnection['transport'] | undefined;
  private webSocket: PrivateWebSocket | undefined;
  private stream: StreamPath | undefined;

  constructor(connection: PrivateConnection, streams: StreamWrites) {
    this.connection = connection;
    this.streams = streams;
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
    this.stream = straight ? this.streams.pathTo(stream) : undefined;
  }
}

export function createConnectionInternals(): ConnectionInternals {
  const streams = createStreamWrites();
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
    pathTo: (connection) => new DirectPath(connection as unknown as PrivateConnection, streams),
    streamOf: (connection) =>
      (connection as unknown as PrivateConnection).transport.socket?._socket ?? undefined,
    waitingBytes(connection) {
      const { writeBuffer, transport } = connection as unknown as PrivateConnection;
      return packetBytes(writeBuffer) + (transport.socket ? unsent(transport.socket) : unfetched(connection));
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
      const { clients } = engine as unknown as PrivateEngine;
      const sid = (request as PrivateRequest)._query?.sid;
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

/** The stream counts a write until the system took it as a whole, the handle what is left of it, and what went past the stream. */
function unsent({ bufferedAmount, _socket }: PrivateWebSocket): number {
  const inHandle = _socket?._handle?.writeQueueSize ?? 0;
  const ofStream = _socket?._writableState?.writelen ?? 0;
  return Math.max(bufferedAmount, bufferedAmount - ofStream + inHandle);
}

function sizeOf(packet: Packet | undefined): number {
  const { data = '', options } = packet ?? {};
  let bytes = PACKET_BYTES;
  const frame = options?.wsPreEncodedFrame;
  if (frame) for (const part of frame) bytes += part.length;
  else bytes += Buffer.byteLength(data);
  return bytes;
}

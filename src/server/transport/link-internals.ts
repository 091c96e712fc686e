import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Server as Engine } from 'engine.io';
import type { ClientSocket } from '../socket-types.ts';
import { createStreamWrites, type StreamPath, type StreamWrites } from './stream-writes.ts';

/*
 * All that is read or called of Engine.IO's and ws's private members stands here and nowhere else; what a link does not
 * need of them is taken away in idle-links.ts.
 */

/** One client's connection: Engine.IO's socket, shared by its namespaces. */
export type Link = ClientSocket['conn'];

export interface LinkInternals {
  /** Holds for the link's life, also over its upgrade. */
  pathTo(link: Link): FramePath;
  /** The link's stream, if it has one of its own: polling has not. */
  streamOf(link: Link): Socket | undefined;
  /**
   * What this process keeps for the client because it was not taken yet: packets that were not written, bytes that were
   * written and not sent, HTTP answers on their way. Cheap enough to be asked before every write.
   */
  waitingBytes(link: Link): number;
  /** Forgets the packets that were not written. What was begun to be written stays: half a frame is none. */
  dropPackets(link: Link): void;
  /** While set, what Socket.IO calls volatile is not kept for the link. It asks this itself only of its own transport. */
  dropVolatile(link: Link, drop: boolean): void;
  /** The engine handles a request of a link of its own: the answer to a poll counts as waiting until it is sent. */
  answering(engine: Engine, request: IncomingMessage, response: ServerResponse): void;
  /**
   * Asks about what a polling client sends, each body unwrapped, before it is taken apart. It is answered all the same.
   */
  inspectPosts(link: Link, accept: (link: Link, payload: string | Buffer) => boolean): void;
  /** Reads nothing more of it, so that its sender has to wait. Polling asks for each answer anyway. */
  pauseReading(link: Link): void;
  resumeReading(link: Link): void;
  /** Ends a transport that is not yet the link's. */
  terminateTransport(transport: unknown): void;
  /** Ends the link at once, with all that waits. */
  terminate(link: Link): void;
}

/** The way past Engine.IO and ws to one client. */
export interface FramePath {
  /**
   * Writes complete WebSocket text frames, the same buffer to many links. False where they cannot go straight to the
   * system in their order (a link that polls, upgrades, ends or has packets waiting, a client of 2.x): then nothing was
   * written.
   */
  write(frames: Buffer): boolean;
}

interface Packet {
  readonly data?: string | Buffer;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

interface PrivateLink {
  readonly readyState: string;
  readonly protocol: number;
  writeBuffer: readonly Packet[];
  readonly transport: {
    /** Of ws's kind: absent while polling. */
    readonly socket?: PrivateWebSocket;
    readonly perMessageDeflate?: unknown;
    readonly name: string;
    /** Shared by all links of a protocol. */
    parser: PrivateParser;
  };
  onClose(reason: string): void;
}

interface PrivateParser {
  /** Answers the packets, or, in the protocol of 2.x, tells of each. */
  decodePayload(payload: string | Buffer, ...rest: unknown[]): unknown;
}

interface PrivateEngine {
  readonly clients: { readonly [sid: string]: Link };
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
class LinkPath implements FramePath {
  private readonly link: PrivateLink;
  private readonly streams: StreamWrites;
  private transport: PrivateLink['transport'] | undefined;
  private webSocket: PrivateWebSocket | undefined;
  private stream: StreamPath | undefined;

  constructor(link: PrivateLink, streams: StreamWrites) {
    this.link = link;
    this.streams = streams;
  }

  write(frames: Buffer): boolean {
    const { link } = this;
    if (link.transport !== this.transport) this.find();
    const { stream, webSocket } = this;
    if (!stream || link.writeBuffer.length > 0) return false;
    if (link.readyState !== 'open' || webSocket?.readyState !== OPEN) return false;
    stream.write(frames);
    return true;
  }

  private find(): void {
    const { transport, protocol } = this.link;
    const stream = transport.socket?._socket;
    this.transport = transport;
    this.webSocket = transport.socket;
    const straight = stream && protocol === EIO4 && !transport.perMessageDeflate;
    this.stream = straight ? this.streams.pathTo(stream) : undefined;
  }
}

export function createLinkInternals(): LinkInternals {
  const streams = createStreamWrites();
  // Engine.IO puts another buffer in the place of one it has written, so that a sum only ever has to be added to.
  const sums = new WeakMap<readonly Packet[], { packets: number; bytes: number }>();
  const answers = new WeakMap<Link, Set<ServerResponse>>();

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

  function unfetched(link: Link): number {
    let bytes = 0;
    for (const response of answers.get(link) ?? []) bytes += response.writableLength;
    return bytes;
  }

  return {
    pathTo: (link) => new LinkPath(link as unknown as PrivateLink, streams),
    streamOf: (link) => (link as unknown as PrivateLink).transport.socket?._socket ?? undefined,
    waitingBytes(link) {
      const { writeBuffer, transport } = link as unknown as PrivateLink;
      return packetBytes(writeBuffer) + (transport.socket ? unsent(transport.socket) : unfetched(link));
    },
    dropPackets(link) {
      (link as unknown as PrivateLink).writeBuffer = [];
    },
    dropVolatile(link, drop) {
      Reflect.deleteProperty(link, 'write');
      if (!drop) return;
      const write = link.write.bind(link);
      link.write = (data, options, callback) =>
        (options as { readonly volatile?: boolean } | undefined)?.volatile
          ? link
          : write(data, options, callback);
    },
    answering(engine, request, response) {
      if (request.method !== 'GET') return;
      const { clients } = engine as unknown as PrivateEngine;
      const sid = (request as PrivateRequest)._query?.sid;
      const link = typeof sid === 'string' && Object.hasOwn(clients, sid) ? clients[sid] : undefined;
      if (!link) return;
      const open = answers.get(link) ?? new Set();
      answers.set(link, open.add(response));
      response.once('close', () => open.delete(response));
    },
    inspectPosts(link, accept) {
      const { transport } = link as unknown as PrivateLink;
      if (transport.name !== 'polling') return;
      // Of the parser, and not of the transport: by JSONP a body is a form, and its separators are escaped.
      const { parser } = transport;
      const decodePayload: PrivateParser['decodePayload'] = (payload, ...rest) =>
        accept(link, payload) ? parser.decodePayload(payload, ...rest) : [];
      transport.parser = Object.create(parser, { decodePayload: { value: decodePayload } });
    },
    pauseReading: (link) => (link as unknown as PrivateLink).transport.socket?.pause(),
    resumeReading: (link) => (link as unknown as PrivateLink).transport.socket?.resume(),
    terminateTransport(transport) {
      (transport as PrivateLink['transport']).socket?.terminate();
    },
    terminate(link) {
      const { transport } = link as unknown as PrivateLink;
      transport.socket?.terminate();
      for (const response of answers.get(link) ?? []) response.destroy();
      // A poll that never comes would keep the link for half a minute more.
      if (link.readyState !== 'closed') (link as unknown as PrivateLink).onClose('transport close');
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

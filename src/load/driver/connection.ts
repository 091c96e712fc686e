import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { maskedFrame } from './say-frame.ts';
import type { Source } from './sources.ts';

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const HEAD_END = Buffer.from('\r\n\r\n');
const KEY = 'cm9vbWNhc3QgYmVuY2ggMQ==';
/** A server that does not end its side is not waited for. */
const CLOSE_LIMIT_MS = 5_000;
const NOTHING = Buffer.alloc(0);

export interface ConnectionOwner {
  onOpen(): void;
  onRead(bytes: number): void;
  /** The text stands in `buffer` from `at` to `end`, and only until this returns. */
  onText(buffer: Buffer, at: number, end: number): void;
  /** A packet cannot be read. The owner ends the connection. */
  onMalformed(bytes: number): void;
  onEnd(reason: string): void;
}

export interface ConnectionTarget {
  readonly host: string;
  /** The host's name, for its certificate and the Host header; another address may be dialled. */
  readonly name: string;
  readonly port: number;
  readonly secure: boolean;
  /** Undefined: the system chooses. */
  readonly source: Source | undefined;
  readonly path: string;
  /** Headers beside those of the handshake. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Carries packets between a client and a server, over either transport. */
export interface Connection {
  /** Sends frames made for this transport. */
  write(frames: Buffer): void;
  say(text: string): void;
  /** Reads nothing any more. */
  stall(): void;
  readonly localPort: number;
  /** Ends it without a word to its owner. */
  destroy(): void;
  /** The same, once this text has been sent. */
  close(text: string): void;
}

/**
 * A WebSocket client on a plain socket that must cost less than the server it measures: all connections of a process are
 * read into one buffer and their frames are looked at where they lie. Servers neither mask nor compress nor, here,
 * split a message into several frames.
 */
export class WebSocketConnection implements Connection {
  private readonly socket: Socket;
  private readonly owner: ConnectionOwner;
  private open = false;
  private ended = false;
  /** The part of a frame that came so far. */
  private rest = NOTHING;

  constructor(buffer: Buffer, target: ConnectionTarget, owner: ConnectionOwner) {
    this.owner = owner;
    const { name, port, path, headers } = target;
    this.socket = target.secure ? this.dialSecurely(target) : this.dial(buffer, target);
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.end(error.code ?? error.message));
    this.socket.on('close', () => this.end('closed'));
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${hostHeader(name, port)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${linesOf(headers)}\r\n`,
    );
  }

  write(frames: Buffer): void {
    this.socket.write(frames);
  }

  say(text: string): void {
    this.socket.write(maskedFrame(text));
  }

  stall(): void {
    this.socket.pause();
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  destroy(): void {
    this.ended = true;
    this.socket.destroy();
  }

  close(text: string): void {
    this.ended = true;
    this.socket.end(maskedFrame(text));
    const limit = setTimeout(() => this.socket.destroy(), CLOSE_LIMIT_MS);
    this.socket.once('close', () => clearTimeout(limit));
  }

  private dial(buffer: Buffer, { host, port, source }: ConnectionTarget): Socket {
    return connect({
      host,
      port,
      ...(source && { localAddress: source.address, localPort: source.port }),
      noDelay: true,
      onread: {
        buffer,
        callback: (bytes) => {
          this.read(buffer, bytes);
          return true;
        },
      },
    });
  }

  /** TLS decrypts into buffers of its own. */
  private dialSecurely({ host, name, port, source }: ConnectionTarget): Socket {
    const socket = connectTls({
      host,
      port,
      ...(isIP(name) === 0 && { servername: name }),
      ...(source && { localAddress: source.address, localPort: source.port }),
      ALPNProtocols: ['http/1.1'],
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.read(chunk, chunk.length));
    return socket;
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.socket.destroy();
    this.owner.onEnd(reason);
  }

  private read(chunk: Buffer, bytes: number): void {
    if (this.ended) return;
    this.owner.onRead(bytes);
    let buffer = chunk;
    let end = bytes;
    if (this.rest.length > 0) {
      buffer = Buffer.concat([this.rest, chunk.subarray(0, bytes)]);
      end = buffer.length;
    }
    let at = this.open ? 0 : this.readHead(buffer, end);
    if (at >= 0 && this.open) at = this.readFrames(buffer, at, end);
    this.rest = at < end ? Buffer.from(buffer.subarray(Math.max(at, 0), end)) : NOTHING;
  }

  /** Returns the end of the answer to the upgrade, 0 while it is not complete. */
  private readHead(buffer: Buffer, end: number): number {
    const found = buffer.subarray(0, end).indexOf(HEAD_END);
    if (found < 0) return 0;
    const status = buffer.toString('latin1', 0, Math.min(found, 12));
    if (status !== 'HTTP/1.1 101') {
      this.end(`HTTP ${buffer.toString('latin1', 9, Math.min(found, 12))}`);
      return end;
    }
    this.open = true;
    this.owner.onOpen();
    return found + HEAD_END.length;
  }

  /** Returns the beginning of the first frame that is not complete. */
  private readFrames(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (end - at >= 2 && !this.ended) {
      let length = (buffer[at + 1] as number) & 0x7f;
      let head = 2;
      if (length === 126) {
        if (end - at < 4) break;
        length = ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number);
        head = 4;
      } else if (length === 127) {
        if (end - at < 10) break;
        length = buffer.readUInt32BE(at + 6);
        head = 10;
      }
      if (end - at < head + length) break;
      const opcode = (buffer[at] as number) & 0x0f;
      at += head;
      if (opcode === TEXT) this.owner.onText(buffer, at, at + length);
      else this.control(opcode, buffer.toString('latin1', at, at + length));
      at += length;
    }
    return at;
  }

  private control(opcode: number, payload: string): void {
    if (opcode === PING) this.socket.write(maskedFrame(Buffer.from(payload, 'latin1'), PONG));
    else if (opcode === CLOSE) this.end(`close frame ${payload.charCodeAt(0) * 256 + payload.charCodeAt(1)}`);
    else this.end(`a frame of opcode ${opcode}`);
  }
}

function linesOf(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

export function hostHeader(name: string, port: number): string {
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

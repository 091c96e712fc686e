/** Engine.IO by hand, over either transport: it sends packets just as they are given, and answers nothing but pings. */
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { ask } from './front-door-client.ts';

export const TRANSPORTS = ['websocket', 'polling'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Between the packets of one body of a polling client. */
export const SEPARATOR = '\x1e';
/** A version of Engine.IO. */
export type Version = 3 | 4;
export const UNKNOWN_SESSION = '{"code":1,"message":"Session ID unknown"}';
/** It only ends what hangs. */
const SILENCE_MS = 60_000;

export interface PacketStream {
  /** All at once: in one POST, or as a frame each. A Buffer is a binary message. */
  send(...packets: readonly (string | Buffer)[]): void;
  /** The next packet but pings; undefined once the server has ended the session. */
  next(): Promise<string | undefined>;
  /** The next one that starts so; undefined if the session ends before. */
  find(start: string): Promise<string | undefined>;
  /** Resolves once the server has ended the session. */
  ended(): Promise<'ended'>;
  /** Resolves once the server has sent so many pings, or ended the session. */
  pinged(count: number): Promise<void>;
  close(): void;
}

export interface Link extends PacketStream {
  readonly transport: Transport;
  readonly sid: string;
  /** The content of the first packet, OPEN. */
  readonly handshake: { readonly [key: string]: unknown };
}

export interface LinkOptions {
  /** True if pings are answered. */
  readonly pongs?: boolean;
  readonly version?: Version;
}

export function pathOf(query: string): string {
  return `/socket.io/?${query}`;
}

export function sessionQuery(transport: Transport, sid: string, version: Version = 4): string {
  return `EIO=${version}&transport=${transport}&sid=${sid}`;
}

/** The packets of a body, and the body of packets. */
const BODIES = {
  3: { split: splitByLength, join: (packets: readonly string[]) => packets.map(withLength).join('') },
  4: {
    split: (body: string) => body.split(SEPARATOR),
    join: (packets: readonly string[]) => packets.join(SEPARATOR),
  },
} as const;

const withLength = (packet: string) => `${packet.length}:${packet}`;

function splitByLength(body: string): string[] {
  const packets: string[] = [];
  for (let at = 0; at < body.length; ) {
    const start = body.indexOf(':', at) + 1;
    const length = Number(body.slice(at, start - 1));
    if (start === 0 || !(length > 0)) throw new Error(`no body of Engine.IO 3: ${body}`);
    at = start + length;
    packets.push(body.slice(start, at));
  }
  return packets;
}

/** Opens a session. */
export async function openLink(port: number, transport: Transport, options: LinkOptions = {}): Promise<Link> {
  return transport === 'polling' ? openPolling(port, options) : openWebSocket(port, options);
}

async function openWebSocket(port: number, options: LinkOptions): Promise<Link> {
  const stream = openSocket(port, `EIO=${options.version ?? 4}&transport=websocket`, options);
  const handshake = handshakeIn(await stream.next());
  return { ...stream, transport: 'websocket', sid: handshake.sid, handshake };
}

/** A WebSocket, of a session that is there or of a new one, whose first packet is OPEN. */
export function openSocket(port: number, query: string, { pongs = true }: LinkOptions = {}): PacketStream {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${pathOf(query)}`, { perMessageDeflate: false });
  // A socket that is closed already takes no more.
  const send = (...packets: readonly (string | Buffer)[]) => {
    for (const packet of packets) socket.send(packet, () => undefined);
  };
  const heard = createHeard(() => pongs && send('3'));
  socket.on('error', () => undefined);
  socket.on('message', (data) => heard.take(data.toString()));
  socket.on('close', heard.end);
  const opened = new Promise<void>((resolve) => socket.once('open', resolve).once('close', () => resolve()));
  return {
    ...heard.stream,
    send: (...packets) => void opened.then(() => send(...packets)),
    close: () => socket.terminate(),
  };
}

async function openPolling(port: number, { pongs = true, version = 4 }: LinkOptions): Promise<Link> {
  const { split, join } = BODIES[version];
  const { status, body } = await ask(port, pathOf(`EIO=${version}&transport=polling`));
  if (status !== 200) throw new Error(`a session was refused: ${status} ${body}`);
  const [first, ...more] = split(body);
  const handshake = handshakeIn(first);
  const path = pathOf(sessionQuery('polling', handshake.sid, version));
  let sent: Promise<unknown> = Promise.resolve();
  let closed = false;

  // One POST after the other: two at once end the session. One of a session that has ended is refused or cut off.
  function send(...packets: readonly (string | Buffer)[]): void {
    const payload = join(packets.map(encoded));
    sent = sent.then(() => ask(port, path, { method: 'POST', body: payload })).catch(() => undefined);
  }
  const heard = createHeard(() => pongs && send('3'));
  for (const packet of more) heard.take(packet);

  async function poll(): Promise<void> {
    while (!closed) {
      const answer = await ask(port, path);
      if (answer.status === 400 && answer.body === UNKNOWN_SESSION) return heard.end();
      if (answer.status !== 200) throw new Error(`a poll was answered ${answer.status} ${answer.body}`);
      const packets = split(answer.body);
      for (const packet of packets) if (packet !== '6') heard.take(packet);
      if (packets.includes('1')) return heard.end();
    }
  }
  poll().catch(heard.fail);

  return {
    ...heard.stream,
    transport: 'polling',
    sid: handshake.sid,
    handshake,
    send,
    close() {
      closed = true;
      send('1');
    },
  };
}

/** A session that polls by hand. */
export interface PollingSession {
  readonly sid: string;
  readonly path: string;
  poll(): Promise<readonly [status: number, body: string]>;
  /** Polls until a packet starts so, and answers pings. */
  pollUntil(start: string): Promise<string>;
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<number>;
}

export async function openPollingSession(port: number, query = ''): Promise<PollingSession> {
  const { sid } = handshakeIn((await ask(port, pathOf(`EIO=4&transport=polling${query}`))).body);
  const path = pathOf(sessionQuery('polling', sid));
  const poll = async () => {
    const { status, body } = await ask(port, path);
    return [status, body] as const;
  };
  const post = async (body: string, headers: Readonly<Record<string, string>> = {}) =>
    (await ask(port, path, { method: 'POST', body, headers })).status;
  return {
    sid,
    path,
    poll,
    async pollUntil(start) {
      for (;;) {
        const [status, body] = await poll();
        if (status !== 200) throw new Error(`a poll was answered ${status} ${body}`);
        const packets = body.split(SEPARATOR);
        if (packets.includes('2')) await post('3');
        const found = packets.find((packet) => packet.startsWith(start));
        if (found !== undefined) return found;
      }
    },
    post,
  };
}

function encoded(packet: string | Buffer): string {
  return typeof packet === 'string' ? packet : `b${packet.toString('base64')}`;
}

function handshakeIn(packet: string | undefined): { readonly sid: string } {
  if (!packet?.startsWith('0')) throw new Error(`the first packet is ${packet}`);
  return JSON.parse(packet.slice(1)) as { readonly sid: string };
}

interface Heard {
  take(packet: string): void;
  end(): void;
  fail(error: unknown): void;
  readonly stream: Pick<PacketStream, 'next' | 'find' | 'ended' | 'pinged'>;
}

function createHeard(onPing: () => void): Heard {
  const changes = new EventEmitter();
  const packets: string[] = [];
  let pings = 0;
  let isOver = false;
  let failure: unknown;

  async function until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      if (failure) throw failure;
      const seen = look();
      if (seen !== undefined) return seen;
      await once(changes, 'change', { signal: AbortSignal.timeout(SILENCE_MS) });
    }
  }
  async function next(): Promise<string | undefined> {
    await until(() => (packets.length > 0 || isOver ? true : undefined));
    return packets.shift();
  }

  return {
    take(packet) {
      if (packet === '2') {
        pings += 1;
        onPing();
      } else packets.push(packet);
      changes.emit('change');
    },
    end() {
      isOver = true;
      changes.emit('change');
    },
    fail(error) {
      failure = error;
      changes.emit('change');
    },
    stream: {
      next,
      async find(start) {
        for (;;) {
          const packet = await next();
          if (packet === undefined || packet.startsWith(start)) return packet;
        }
      },
      ended: () => until(() => (isOver ? 'ended' : undefined)),
      async pinged(count) {
        await until(() => (pings >= count || isOver ? true : undefined));
      },
    },
  };
}

export interface Refused {
  /** 101: the server has taken the upgrade, and hung up then. */
  readonly status: number;
  readonly body: string;
}

/** The answer to an upgrade to WebSocket that is not served. */
export function refusedUpgrade(port: number, query: string): Promise<Refused> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${pathOf(query)}`);
    let heard = '';
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      heard += data.toString();
    });
    socket.on('close', () => resolve({ status: 101, body: heard }));
    socket.on('unexpected-response', (request, response: IncomingMessage) => {
      text(response)
        .then((body) => resolve({ status: response.statusCode ?? 0, body }))
        .catch(reject)
        .finally(() => request.destroy());
    });
  });
}

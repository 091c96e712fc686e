/** Clients of bare sockets: they say when each byte leaves, which no library does. */
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

const ANSWER_LIMIT_MS = 30_000;

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

export function ask(
  port: number,
  path: string,
  options: { method?: string; body?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const { method = 'GET', body } = options;
  return new Promise((resolve, reject) => {
    const described =
      body === undefined ? {} : { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) };
    const headers = { ...described, ...options.headers };
    const call = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    call.setTimeout(ANSWER_LIMIT_MS, () => call.destroy(new Error(`no answer to ${method} ${path}`)));
    call.on('error', reject);
    call.end(body);
  });
}

interface WebSocketPeer {
  send(text: string): void;
  /** Resolves with the first packet, from now on or waiting, that starts so. */
  next(start: string): Promise<string>;
  close(): void;
}

/** Opens a WebSocket. `eager` is sent as soon as the upgrade is answered, without waiting for the first packet. */
function openWebSocket(port: number, path: string, eager?: string): WebSocketPeer {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const packets: string[] = [];
  let waiting: { start: string; resolve(text: string): void; reject(error: Error): void } | undefined;
  let received: Buffer = Buffer.alloc(0);
  let upgraded = false;
  let broken: Error | undefined;

  const settle = () => {
    if (!waiting) return;
    const { start, resolve, reject } = waiting;
    const index = packets.findIndex((packet) => packet.startsWith(start));
    if (index >= 0) resolve(packets.splice(0, index + 1)[index] as string);
    else if (broken) reject(broken);
    else return;
    waiting = undefined;
  };
  const fail = (error: Error) => {
    broken ??= error;
    settle();
  };

  socket.on('connect', () => {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
  });
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (!upgraded) {
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const status = received.subarray(0, received.indexOf('\r\n')).toString();
      if (!status.includes(' 101 ')) return fail(new Error(status));
      upgraded = true;
      if (eager !== undefined) socket.write(frame(eager));
      received = received.subarray(end + 4);
    }
    for (let read = readFrame(received); read; read = readFrame(received)) {
      packets.push(read.text);
      received = received.subarray(read.size);
    }
    settle();
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server hung up')));

  return {
    send: (text) => socket.write(frame(text)),
    next(start) {
      return new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => fail(new Error(`"${start}" never came`)), ANSWER_LIMIT_MS);
        const done =
          <T>(settled: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer);
            settled(value);
          };
        waiting = { start, resolve: done(resolve), reject: done(reject) };
        settle();
      });
    },
    close: () => socket.destroy(),
  };
}

/** A masked text frame; the mask is all zeros. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

function readFrame(bytes: Buffer): { text: string; size: number } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const head = short === 126 ? 4 : 2;
  if (bytes.length < head) return undefined;
  const size = head + (short === 126 ? bytes.readUInt16BE(2) : short);
  return bytes.length < size ? undefined : { text: bytes.subarray(head, size).toString(), size };
}

const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';
const POLLING = '/socket.io/?EIO=4&transport=polling';

/** Connects as the stock client does with `transports: ['websocket']`. */
export async function enterByWebSocket(port: number): Promise<void> {
  const peer = openWebSocket(port, WEBSOCKET);
  try {
    await peer.next('0{');
    peer.send('40');
    await peer.next('40{');
  } finally {
    peer.close();
  }
}

export async function enterByEagerWebSocket(port: number): Promise<void> {
  const peer = openWebSocket(port, WEBSOCKET, '40');
  try {
    await peer.next('40{');
  } finally {
    peer.close();
  }
}

/** Connects as the stock client does by default: polling first, then the upgrade. */
export async function enterByPolling(port: number): Promise<void> {
  const poll = await openPolling(port);
  const peer = openWebSocket(port, `${WEBSOCKET}&sid=${poll.sid}`, '2probe');
  try {
    await peer.next('3probe');
    peer.send('5');
    peer.send('420["digest","x"]');
    await peer.next('430[');
  } finally {
    peer.close();
  }
}

export interface Polling {
  readonly sid: string;
  /** Ends the session, which no drain then waits for. */
  close(): Promise<void>;
  send(packets: string): Promise<Answer>;
  receive(): Promise<Answer>;
}

/** `before`: further parameters, in front of the session id. */
export async function openPolling(port: number, before = ''): Promise<Polling> {
  const opened = await ask(port, POLLING);
  if (opened.status !== 200) throw new Error(`handshake: ${opened.status} ${opened.body}`);
  const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string };
  const path = `${POLLING}${before}&sid=${sid}`;
  const polling: Polling = {
    sid,
    send: (body) => ask(port, path, { method: 'POST', body }),
    receive: () => ask(port, path),
    close: async () => {
      await ask(port, path, { method: 'POST', body: '1' });
    },
  };
  const sent = await polling.send('40');
  if (sent.status !== 200) throw new Error(`connect: ${sent.status} ${sent.body}`);
  const answer = await polling.receive();
  if (!answer.body.startsWith('40{')) throw new Error(`connect: ${answer.status} ${answer.body}`);
  return polling;
}

/** All that comes until the server closes, after writing these pieces one by one. */
export function converse(port: number, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let heard = '';
    socket.on('connect', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((next) => setTimeout(next, 20));
      }
    });
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(heard));
  });
}

/**
 * Asks for an upgrade and sends more straight after it, in segments of their own and without waiting for the answer:
 * whoever reads the socket next must get it. Fails unless the worker sends all of it back.
 */
export function echo(port: number, pieces: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const expected = `HTTP/1.1 101 Echo\r\n\r\n${pieces.join('')}`;
    let heard = '';
    const timer = setTimeout(
      () => socket.destroy(new Error(`only heard ${JSON.stringify(heard)}`)),
      ANSWER_LIMIT_MS,
    );
    socket.on('connect', () => {
      socket.write('GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      const send = (index: number) => {
        const piece = pieces[index];
        if (piece !== undefined) socket.write(piece, () => setImmediate(send, index + 1));
      };
      setImmediate(send, 0);
    });
    socket.on('data', (chunk) => {
      heard += chunk;
      if (heard !== expected) return;
      resolve();
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error(`hung up after ${JSON.stringify(heard)}`));
    });
  });
}

/** Runs `total` calls, `atOnce` at a time; answers what went wrong. */
export async function crowd(
  total: number,
  atOnce: number,
  enter: (index: number) => Promise<void>,
): Promise<string[]> {
  const failures: string[] = [];
  let next = 0;
  const walk = async () => {
    while (next < total) {
      const index = next++;
      await enter(index).catch((error: Error) => failures.push(`${index}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, walk));
  return failures;
}

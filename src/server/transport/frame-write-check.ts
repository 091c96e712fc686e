import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type Socket as Connection, Server as Engine } from 'engine.io';
import type { Logger } from 'pino';
import { type ConnectionInternals, createConnectionInternals } from './private-members.ts';

/*
 * Frames are written past Engine.IO and ws, by private members that another version may not have. The check writes once to a
 * connection of this process with itself before a worker depends on them.
 */

const CHECK_MS = 3_000;
/** Together more than the kernel buffers for a client that does not read. */
const LARGE_CHARS = 64 * 1024;
const LARGE_COUNT = 96;
/** A machine that stalls once at the start must not cost the worker its fast path. */
const TRIES = 2;
const HANDSHAKE = [
  'GET /engine.io/?EIO=4&transport=websocket HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n');

type FramePaths = Pick<ConnectionInternals, 'pathTo'>;

/** Opens the fast path for a room's messages. If the check fails, messages go through Engine.IO one by one. */
export async function openConnectionInternals(
  { log }: { readonly log: Logger },
  check: (internals: FramePaths) => Promise<boolean> = checkFrameWrites,
): Promise<ConnectionInternals> {
  const internals = createConnectionInternals();
  for (let tries = 1; tries <= TRIES; tries += 1) if (await check(internals)) return internals;
  log.warn('frames cannot bypass Engine.IO here: every message costs one write per member');
  return { ...internals, pathTo: () => ({ write: () => false }) };
}

/** True if frames written both ways arrive whole, once and in order. */
export async function checkFrameWrites(internals: FramePaths): Promise<boolean> {
  const engine = new Engine({ transports: ['websocket'] });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => engine.handleUpgrade(request as never, socket, head));
  const limit = AbortSignal.timeout(CHECK_MS);
  let client: Socket | undefined;
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const connected = new Promise<Connection>((resolve) => engine.once('connection', resolve));
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.write(HANDSHAKE);
    const expected = await within(limit, writeBothWays(await within(limit, connected), client, internals));
    return expected !== undefined && (await within(limit, arrives(client, expected)));
  } catch {
    return false;
  } finally {
    client?.destroy();
    engine.close();
    server.close();
  }
}

/** Returns what the client must receive after the handshake packet, or undefined if a write failed. */
async function writeBothWays(
  connection: Connection,
  client: Socket,
  { pathTo }: FramePaths,
): Promise<string | undefined> {
  client.pause();
  // Waits until the handshake packet is written.
  await turn();
  const path = pathTo(connection as never);
  const expected = ['first', 'second', 'third'];
  connection.write('first');
  // A direct write goes behind what is in flight, and must not overtake what waits.
  if (!path.write(frameOf('second'))) return undefined;
  connection.write('third');
  if (path.write(frameOf('never'))) return undefined;
  await turn();
  for (let n = 0; n < LARGE_COUNT; n += 1) {
    const text = String.fromCharCode(97 + (n % 26)).repeat(LARGE_CHARS);
    expected.push(text);
    if (!path.write(frameOf(text))) return undefined;
  }
  connection.write('last');
  expected.push('last');
  client.resume();
  return expected.map((text) => frameOf(text).toString('latin1')).join('');
}

/** The text as an Engine.IO message, in one frame. */
function frameOf(text: string): Buffer {
  const length = text.length + 1;
  const header =
    length <= 125 ? [0x81, length] : [0x81, 127, 0, 0, 0, 0, 0, length >> 16, length >> 8, length];
  return Buffer.concat([Buffer.from(header), Buffer.from(`4${text}`)]);
}

/** True once the expected bytes arrived, false as soon as others did. */
function arrives(client: Socket, expected: string): Promise<boolean> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let before: number | undefined;
    client.once('close', () => resolve(false));
    client.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      before ??= handshakeLength(Buffer.concat(chunks));
      if (before === undefined || length < before + expected.length) return;
      resolve(Buffer.concat(chunks).toString('latin1', before) === expected);
    });
  });
}

/** Length of the HTTP response and of the frame with the handshake packet behind it. */
function handshakeLength(received: Buffer): number | undefined {
  const end = received.indexOf('\r\n\r\n');
  const length = received[end + 5];
  return end < 0 || length === undefined ? undefined : end + 6 + length;
}

function within<T>(limit: AbortSignal, done: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason), { once: true });
    done.then(resolve, reject);
  });
}

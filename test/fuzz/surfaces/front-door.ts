import { connect } from 'node:net';
import fc from 'fast-check';
import type { Surface } from '../campaign.ts';
import { mangled, text } from '../values.ts';

const ENDED_LIMIT_MS = 150;
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
const PATHS = [
  '/',
  '/socket.io/?EIO=4&transport=polling',
  '/socket.io/?EIO=4&transport=websocket',
  '/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA',
  '/socket.io/?classid=0b1f8a52-9d5f-4a0b-9a57-0b1f8a52aaaa&EIO=4&transport=polling',
  '/api',
  '/api/v1/push',
  '/readyz',
  '*',
  'http://127.0.0.1/',
];
const HEADERS = [
  'Host: localhost\r\n',
  'Host: 127.0.0.1\r\nHost: evil\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Connection: Upgrade\r\nUpgrade: h2c\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 99999999999\r\n',
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked, gzip\r\nContent-Length: 3\r\n',
  'X-Note: content-length: no\r\n',
  'Expect: 100-continue\r\n',
  'Cookie: token=\r\n',
  'X-Forwarded-For: ,\r\n',
  KEY,
];

interface Sent {
  /** What is written at once, one after the other. */
  readonly parts: readonly string[];
  readonly door: 'front' | 'worker';
  /** Whether the client reads what it gets. */
  readonly reads: boolean;
}

const headed = fc
  .tuple(
    fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'CONNECT', 'PRI', 'get'),
    fc.oneof(fc.constantFrom(...PATHS), text),
    fc.array(fc.constantFrom(...HEADERS), { maxLength: 5 }),
  )
  .map(([method, path, headers]) => `${method} ${path} HTTP/1.1\r\n${headers.join('')}\r\n`);
/** Of a WebSocket's client: heads of frames with whatever behind them. */
const frame = fc
  .tuple(
    fc.constantFrom(0x81, 0x82, 0x88, 0x89, 0x01, 0x80, 0xc1, 0xf1),
    fc.constantFrom(0x80, 0x85, 0xfe, 0xff, 0x05),
    fc.string({ unit: 'binary', maxLength: 30 }),
  )
  .map(([first, second, rest]) => String.fromCharCode(first, second) + rest);
const part = fc.oneof(
  { weight: 4, arbitrary: headed },
  { weight: 2, arbitrary: mangled(headed) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '5\r\nhello\r\n',
      '0\r\n\r\n',
      'ffffffffff\r\n',
      'hello',
      '\r\n',
      '\0',
      '\x16\x03\x01\x02\x00\x01',
    ),
  },
  { weight: 1, arbitrary: frame },
  {
    weight: 1,
    arbitrary: fc
      .tuple(headed, fc.array(frame, { maxLength: 5 }))
      .map(([head, frames]) => head + frames.join('')),
  },
);

/** Bytes, as no library sends them, to the front door and to a worker. Each input is a TCP connection. */
export const frontDoor: Surface<Sent> = {
  name: 'front-door',
  mode: 'embedded',
  input: fc.record({
    parts: fc.array(part, { minLength: 1, maxLength: 4 }),
    door: fc.constantFrom('front', 'worker'),
    reads: fc.boolean(),
  }),
  async send({ system }, inputs) {
    const [host] = system.hosts;
    const [worker = ''] = system.workerUrls;
    await Promise.all(
      inputs.map(async ({ parts, door, reads }) => {
        const url = new URL((door === 'front' ? host?.url : undefined) ?? worker);
        const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
        const over = new Promise<void>((resolve) => {
          socket.once('close', () => resolve());
          setTimeout(() => resolve(), ENDED_LIMIT_MS);
        });
        socket.on('error', () => undefined);
        if (reads) socket.resume();
        for (const bytes of parts) socket.write(Buffer.from(bytes, 'latin1'));
        await over;
        socket.destroy();
      }),
    );
    return [];
  },
};

import { connect } from 'node:net';
import fc from 'fast-check';
import type { Surface } from '../campaign.ts';
import { packet } from './packets.ts';

const ENDED_LIMIT_MS = 150;
const CLOSE = 8;
const CLOSE_CODES = [0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1011, 1015, 2999, 3000, 4999, 5000, 65_535];

interface Frame {
  /** FIN and the three reserved bits, as the high half of the first byte. */
  readonly flags: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** The ways to write a length; the longest is a lie. */
  readonly length: 'shortest' | '16 bits' | '64 bits' | '2^62';
  readonly payload: Buffer;
  /** So much of the frame is sent. */
  readonly part: number;
}

const payload = fc.oneof(
  { weight: 4, arbitrary: packet.map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 140 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom('2probe', '5', '40', '3').map((text) => Buffer.from(text)) },
);
const closing = fc
  .tuple(fc.constantFrom(...CLOSE_CODES), fc.uint8Array({ maxLength: 130 }))
  .map(([code, reason]) => Buffer.concat([Buffer.from([code >> 8, code & 255]), reason]));
const frame: fc.Arbitrary<Frame> = fc
  .record({
    flags: fc.oneof(
      { weight: 6, arbitrary: fc.constant(8) },
      { weight: 2, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(15) },
    ),
    opcode: fc.oneof(
      { weight: 6, arbitrary: fc.constant(1) },
      { weight: 2, arbitrary: fc.constantFrom(0, 2, CLOSE, 9, 10) },
      { weight: 1, arbitrary: fc.nat(15) },
    ),
    masked: fc.oneof(
      { weight: 9, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    length: fc.oneof(
      { weight: 8, arbitrary: fc.constant<Frame['length']>('shortest') },
      { weight: 1, arbitrary: fc.constantFrom<Frame['length']>('16 bits', '64 bits', '2^62') },
    ),
    part: fc.oneof(
      { weight: 9, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
    ),
    said: payload,
    closed: closing,
  })
  .map(({ said, closed, ...head }) => ({ ...head, payload: head.opcode === CLOSE ? closed : said }));

/** Frames of a WebSocket as no library writes them: opcodes, masks, fragments, lengths, reserved bits, close codes. Each input is a connection. */
export const frames: Surface<readonly Frame[]> = {
  name: 'frames',
  input: fc.array(frame, { minLength: 1, maxLength: 6 }),
  async send({ system }, inputs) {
    await Promise.all(
      inputs.map(async (sent, index) => {
        const url = new URL(system.entrances[index % system.entrances.length] as string);
        const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
        const over = new Promise<void>((resolve) => {
          socket.once('close', () => resolve());
          setTimeout(() => resolve(), ENDED_LIMIT_MS);
        });
        socket.on('error', () => undefined);
        socket.write(
          `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
        );
        // Behind the answer to the upgrade; the front door may have half of it already.
        socket.once('data', () => {
          for (const one of sent) socket.write(bytesOf(one));
          socket.resume();
        });
        await over;
        socket.destroy();
      }),
    );
    return [];
  },
};

function bytesOf({ flags, opcode, masked, length, payload: data, part }: Frame): Buffer {
  const bytes = data.length;
  const bit = masked ? 0x80 : 0;
  let head: Buffer;
  if (length === '64 bits' || length === '2^62') {
    head = Buffer.alloc(10);
    head.writeBigUInt64BE(length === '2^62' ? 2n ** 62n : BigInt(bytes), 2);
    head[1] = bit | 127;
  } else if (length === '16 bits' || bytes > 125) {
    head = Buffer.alloc(4);
    head.writeUInt16BE(Math.min(bytes, 0xffff), 2);
    head[1] = bit | 126;
  } else head = Buffer.from([0, bit | bytes]);
  head[0] = (flags << 4) | opcode;
  // A mask of zeros changes nothing, and is one.
  const whole = Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), data]);
  return whole.subarray(0, Math.ceil(whole.length * part));
}

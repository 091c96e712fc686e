import { NUMBER_SLOT, TIME_SLOT } from '../checker/live/origin-text.ts';

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const NO_MASK = Buffer.alloc(4);
/** Between the packets of a polling payload. */
export const RECORD_SEPARATOR = '\x1e';

/** A complete WebSocket frame as clients send it, of a text or of the bytes of a control frame. */
export function maskedFrame(content: string | Buffer, opcode = 1): Buffer {
  // A copy in either case: the mask is applied in place.
  const payload = Buffer.from(content as Buffer);
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | length])
      : length < 65_536
        ? Buffer.from([0x80 | opcode, 0xfe, length >> 8, length & 0xff])
        : Buffer.from([
            0x80 | opcode,
            0xff,
            0,
            0,
            0,
            0,
            0,
            length >> 16,
            (length >> 8) & 0xff,
            length & 0xff,
          ]);
  for (let i = 0; i < length; i += 1) payload[i] = (payload[i] as number) ^ (MASK[i & 3] as number);
  return Buffer.concat([head, MASK, payload]);
}

export interface SayFrame {
  readonly bytes: number;
  write(into: Buffer, at: number, number: number, timeUs: number): void;
}

/**
 * Encodes a template once, masked for WebSocket or with a separator behind it for polling; for each message only digits
 * are put in, the number wherever the template has its slot.
 */
export function createSayFrame(template: string, transport: 'websocket' | 'polling' = 'websocket'): SayFrame {
  const polling = transport === 'polling';
  const frame = polling ? Buffer.from(template + RECORD_SEPARATOR) : maskedFrame(template);
  const mask = polling ? NO_MASK : MASK;
  const payload = Buffer.from(template);
  const start = polling ? 0 : frame.length - payload.length;
  const numbers = positions(payload, NUMBER_SLOT);
  const times = positions(payload, TIME_SLOT);

  function digits(into: Buffer, at: number, position: number, width: number, figure: number): void {
    let rest = figure;
    for (let i = width - 1; i >= 0; i -= 1) {
      const tenth = Math.floor(rest / 10);
      into[at + start + position + i] = (48 + rest - tenth * 10) ^ (mask[(position + i) & 3] as number);
      rest = tenth;
    }
  }

  return {
    bytes: frame.length,
    write(into, at, number, timeUs) {
      frame.copy(into, at);
      for (const position of numbers) digits(into, at, position, NUMBER_SLOT.length, number);
      for (const position of times) digits(into, at, position, TIME_SLOT.length, Math.floor(timeUs));
    },
  };
}

/** Counted in bytes, as digits are written: a dialect may put any characters before a slot. */
function positions(template: Buffer, slot: string): number[] {
  const found: number[] = [];
  for (let at = template.indexOf(slot); at >= 0; at = template.indexOf(slot, at + slot.length))
    found.push(at);
  return found;
}

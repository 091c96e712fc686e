const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** A complete WebSocket text frame as clients send it. */
export function maskedFrame(text: string, opcode = 1): Buffer {
  const payload = Buffer.from(text);
  const short = payload.length < 126;
  const head = Buffer.from(
    short
      ? [0x80 | opcode, 0x80 | payload.length]
      : [0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 0xff],
  );
  for (let i = 0; i < payload.length; i += 1) payload[i] = (payload[i] as number) ^ (MASK[i & 3] as number);
  return Buffer.concat([head, MASK, payload]);
}

/** Where a template for `say` has its ack id and number (the same figure), and the time it should have been sent. */
export const NUMBER_SLOT = 'NNNNNNNNNN';
export const TIME_SLOT = 'TTTTTTTTTTTTTTTT';
/** Numbers have as many digits as their slot from the first one on. */
export const NUMBERS_FROM = 1_000_000_000;

export interface SayFrame {
  readonly bytes: number;
  write(into: Buffer, at: number, number: number, timeUs: number): void;
}

/** Masked once; for each message only digits are put in. */
export function createSayFrame(template: string): SayFrame {
  const frame = maskedFrame(template);
  const start = frame.length - Buffer.byteLength(template);
  const numbers = positions(template, NUMBER_SLOT);
  const times = positions(template, TIME_SLOT);

  function digits(into: Buffer, at: number, position: number, width: number, figure: number): void {
    let rest = figure;
    for (let i = width - 1; i >= 0; i -= 1) {
      const tenth = Math.floor(rest / 10);
      into[at + start + position + i] = (48 + rest - tenth * 10) ^ (MASK[(position + i) & 3] as number);
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

function positions(template: string, slot: string): number[] {
  const found: number[] = [];
  for (let at = template.indexOf(slot); at >= 0; at = template.indexOf(slot, at + slot.length))
    found.push(at);
  return found;
}

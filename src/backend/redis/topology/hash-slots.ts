/** The number of slots of a Redis Cluster. A key's slot decides which server has it. */
export const SLOTS = 16_384;

/** Returns the text in a key's first braces, or the whole key if they hold nothing. Keys with one tag are on one server. */
export function tagOf(key: string): string {
  const open = key.indexOf('{');
  if (open < 0) return key;
  const close = key.indexOf('}', open);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

export function slotOf(key: string): number {
  const tag = tagOf(key);
  let crc = 0;
  for (let index = 0; index < tag.length; index += 1) {
    const code = tag.charCodeAt(index);
    if (code > 0x7f) return crcOf(Buffer.from(tag)) % SLOTS;
    crc = next(crc, code);
  }
  return crc % SLOTS;
}

const TAG_DIGITS = 36;

/** A tag in one of the slots for which `isOwn` holds; undefined if none of a hundred thousand is. */
export function tagIn(isOwn: (slot: number) => boolean): string | undefined {
  for (let number = 0; number < 100_000; number += 1) {
    const tag = number.toString(TAG_DIGITS);
    if (isOwn(slotOf(tag))) return tag;
  }
  return undefined;
}

/** CRC-16/XMODEM, a byte at a time. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

function next(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ byte] ?? 0);
}

function crcOf(bytes: Uint8Array): number {
  return bytes.reduce(next, 0);
}

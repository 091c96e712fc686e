/*
 * Counts the packets in the body of a polling client before Engine.IO splits it, for each protocol by its own format. Counting
 * stops where Engine.IO would give up.
 */

const EIO4_SEPARATOR = '\x1e';
const EIO3_LENGTH_END = ':';
const EIO3_BINARY_LENGTH_END = 255;
/** The same limit as Engine.IO's. */
const MOST_LENGTH_DIGITS = 310;

/** Returns whether the payload, in the format of the client's protocol, contains more packets than `most`. */
export function hasMorePackets(payload: string | Buffer, protocol: number, most: number): boolean {
  if (typeof payload !== 'string') return hasMoreBinary(payload, most);
  return protocol === 3 ? hasMorePrefixed(payload, most) : hasMoreSeparated(payload, most);
}

function hasMoreSeparated(payload: string, most: number): boolean {
  let packets = 1;
  for (let at = payload.indexOf(EIO4_SEPARATOR); at >= 0; at = payload.indexOf(EIO4_SEPARATOR, at + 1)) {
    packets += 1;
    if (packets > most) return true;
  }
  return false;
}

/** Format: `<length>:<packet>`, repeated. */
function hasMorePrefixed(payload: string, most: number): boolean {
  let at = 0;
  for (let packets = 0; packets <= most; packets += 1) {
    const end = payload.indexOf(EIO3_LENGTH_END, at);
    const length = Number(payload.slice(at, end));
    if (end < 0 || !(length >= 0)) return false;
    at = end + 1 + length;
  }
  return true;
}

/** Format: a type byte, one byte for each digit of the length, 255, the packet; repeated. */
function hasMoreBinary(payload: Buffer, most: number): boolean {
  let at = 0;
  for (let packets = 0; packets <= most; packets += 1) {
    const end = payload.indexOf(EIO3_BINARY_LENGTH_END, at + 1);
    if (end < 0 || end - at - 1 > MOST_LENGTH_DIGITS + 1) return false;
    const digits = payload.subarray(at + 1, end).join('');
    // Engine.IO skips one byte if there are no digits.
    at += digits === '' ? 1 : digits.length + 2 + Number(digits);
  }
  return true;
}

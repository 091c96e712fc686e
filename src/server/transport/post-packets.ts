/*
 * How many packets a polling client sends in one body, looked up before it is taken apart as Engine.IO does it, each
 * protocol in its own way. Where Engine.IO would give up, nothing more is counted.
 */

const EIO4_SEPARATOR = '\x1e';
const EIO3_LENGTH_END = ':';
const EIO3_BINARY_LENGTH_END = 255;
/** As Engine.IO has it. */
const MOST_LENGTH_DIGITS = 310;

/** Whether the payload, of the form that the client's protocol has, is of more packets than `most`. */
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

/** `<length>:<packet>`, over and over. */
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

/** A kind, the digits of the length in a byte each, 255, the packet. */
function hasMoreBinary(payload: Buffer, most: number): boolean {
  let at = 0;
  for (let packets = 0; packets <= most; packets += 1) {
    const end = payload.indexOf(EIO3_BINARY_LENGTH_END, at + 1);
    if (end < 0 || end - at - 1 > MOST_LENGTH_DIGITS + 1) return false;
    const digits = payload.subarray(at + 1, end).join('');
    // Without digits Engine.IO goes on behind the first byte.
    at += digits === '' ? 1 : digits.length + 2 + Number(digits);
  }
  return true;
}

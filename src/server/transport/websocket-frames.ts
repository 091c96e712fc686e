import type { Entry } from '../../chat/log-store.ts';

/*
 * Encodes the events of a room: each is a Socket.IO event, mostly `message`, in an Engine.IO message packet in one unmasked
 * WebSocket text frame. The stored JSON is the payload and is copied without parsing it.
 */

const TEXT_FRAME = 0x81;
/** A frame's length above these takes 2 or 8 bytes more. */
const SHORT = 125;
const MEDIUM = 0xffff;
const AFTER = ']';

export interface Encoded {
  /** One complete frame for each event, in order. */
  readonly frames: Buffer;
  /** The same events as Engine.IO packets, encoded on first use. */
  packets(): readonly string[];
}

/** A payload as JSON, the sockets that do not get it, and the event's name if it is not `message`. */
export interface OutboundEvent extends Pick<Entry, 'json' | 'utf8' | 'except'> {
  readonly event?:
    | 'presence:diff'
    | 'presence:count'
    | 'reads'
    | 'online'
    | 'cluster:degraded'
    | 'cluster:restored'
    | 'hello'
    | 'joined';
  /** A change of presence or of read markers, which the log of the room does not have. */
  readonly isPresence?: true;
}

/** The bytes before the payload, in a packet and in a frame. */
interface Head {
  readonly before: string;
  readonly utf8: Buffer;
}

export interface MessageEncoder {
  encode(messages: readonly OutboundEvent[]): Encoded;
}

export function createMessageEncoder(nsp: string): MessageEncoder {
  const heads = new Map<string, Head>();
  const message = headOf('message');

  function headOf(event: string): Head {
    const before = `2${nsp === '/' ? '' : `${nsp},`}["${event}",`;
    const head = heads.get(event) ?? { before, utf8: Buffer.from(`4${before}`) };
    heads.set(event, head);
    return head;
  }

  const headFor = ({ event }: OutboundEvent) => (event === undefined ? message : headOf(event));

  function framesOf(messages: readonly OutboundEvent[]): Buffer {
    const lengths = messages.map((one) => headFor(one).utf8.length + jsonBytes(one) + AFTER.length);
    const total = lengths.reduce((sum, length) => sum + headerBytes(length) + length, 0);
    const frames = Buffer.allocUnsafe(total);
    let at = 0;
    for (const [index, one] of messages.entries()) {
      at = writeHeader(frames, at, lengths[index] ?? 0);
      at += headFor(one).utf8.copy(frames, at);
      at += one.utf8 ? one.utf8.copy(frames, at) : frames.write(one.json, at);
      at += frames.write(AFTER, at);
    }
    return frames;
  }

  return {
    encode(messages) {
      let packets: string[] | undefined;
      return {
        frames: framesOf(messages),
        packets() {
          packets ??= messages.map((one) => headFor(one).before + one.json + AFTER);
          return packets;
        },
      };
    },
  };
}

function jsonBytes({ utf8, json }: OutboundEvent): number {
  return utf8 ? utf8.length : Buffer.byteLength(json);
}

function headerBytes(length: number): number {
  if (length <= SHORT) return 2;
  return length <= MEDIUM ? 4 : 10;
}

function writeHeader(frames: Buffer, at: number, length: number): number {
  const start = frames.writeUInt8(TEXT_FRAME, at);
  if (length <= SHORT) return frames.writeUInt8(length, start);
  if (length <= MEDIUM) return frames.writeUInt16BE(length, frames.writeUInt8(126, start));
  return frames.writeBigUInt64BE(BigInt(length), frames.writeUInt8(127, start));
}

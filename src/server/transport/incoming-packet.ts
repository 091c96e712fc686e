import type { WireError } from '../../protocol/codes.ts';

/**
 * A Socket.IO packet as it came, on its way to the decoder and from there to its event: with it go its size, which the
 * text of a parsed payload does not tell, and whether it was refused before it was decoded.
 */
export class IncomingPacket {
  /** Empty once it is decoded, so that only its payload is kept. */
  text: string;
  readonly bytes: number;
  readonly refusal: WireError | undefined;

  constructor(text: string, bytes: number, refusal?: WireError) {
    this.text = text;
    this.bytes = bytes;
    this.refusal = refusal;
  }
}

const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/** Shorter texts are parsed in less time than they are looked through. */
const ALWAYS_SIMPLE_CHARS = 16_384;

/**
 * Whether parsing it makes more objects than an event has. What parsing costs is decided by their number: 1.2 MB of one text take
 * 1 ms, of `[[[[` 250 ms.
 */
export function hasMoreElements(text: string, most: number): boolean {
  if (text.length <= ALWAYS_SIMPLE_CHARS) return false;
  let elements = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char !== COMMA && char !== COLON && char !== BRACKET && char !== BRACE) continue;
    elements += 1;
    if (elements > most) return true;
  }
  return false;
}

/** What can be read of an event without parsing its payload, so that its sender can be answered. */
export interface EventHead {
  readonly nsp: string;
  readonly id?: number;
  readonly name: string;
}

const EVENT_HEAD = /^2(\/[^,]{0,256},)?(\d{0,15})\["([^"\\]{0,64})/;

/** Undefined: not an event, or none whose sender could be answered. */
export function eventHeadOf(text: string): EventHead | undefined {
  const match = EVENT_HEAD.exec(text);
  if (!match) return undefined;
  const [, nsp, id, name = ''] = match;
  return { nsp: nsp?.slice(0, -1) ?? '/', ...(id ? { id: Number(id) } : {}), name };
}

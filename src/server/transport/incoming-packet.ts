import type { WireError } from '../../protocol/codes.ts';

/**
 * A Socket.IO packet on its way to the decoder and on to its event. It carries its size, which the parsed payload does not show,
 * and the reason if it was refused before decoding.
 */
export class IncomingPacket {
  /** Emptied by the decoder, so that only the payload stays in memory. */
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

/** Scanning a shorter text takes longer than parsing it. */
const ALWAYS_SIMPLE_CHARS = 16_384;

/**
 * Returns whether parsing would create more objects than any event has. Their number decides the cost: parsing 1.2 MB
 * of one string takes 1 ms, of `[[[[` 250 ms.
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

/** The part of an event that can be read without parsing the payload, enough to answer its sender. */
export interface EventHead {
  readonly nsp: string;
  readonly id?: number;
  readonly name: string;
}

const EVENT_HEAD = /^2(\/[^,]{0,256},)?(\d{0,15})\["([^"\\]{0,64})/;

/** Returns undefined for anything but an event that can be answered. */
export function eventHeadOf(text: string): EventHead | undefined {
  const match = EVENT_HEAD.exec(text);
  if (!match) return undefined;
  const [, nsp, id, name = ''] = match;
  return { nsp: nsp?.slice(0, -1) ?? '/', ...(id ? { id: Number(id) } : {}), name };
}

import { MAX_CLIENT_MSG_ID_CHARS, MAX_ID_BYTES, MAX_USERNAME_CHARS } from './limits.ts';

const ID = /^[\p{L}\p{M}\p{Nd}\-_.:@~](?:[\p{L}\p{M}\p{Nd}\-_.:@~ ]*[\p{L}\p{M}\p{Nd}\-_.:@~])?$/u;
/**
 * What nobody sees, so that two ids or names that look the same are the same: fillers, joiners, variation selectors,
 * zero-width and direction characters, and the blank Braille pattern and annotation marks, which Unicode counts as
 * visible. Some of the fillers are letters to Unicode.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;
/** Controls, line and paragraph separators, lone surrogates, and what Unicode has not assigned yet. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u;
const VISIBLE = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;
const LONE_SURROGATE = /\p{Cs}/u;
/** What the messages of back ends that name nobody are from. */
const RESERVED = 'roomcast';
const AVATAR_NAME = /^[\p{L}\p{Nd}_-][\p{L}\p{Nd}._-]{0,63}$/u;
const CLIENT_MSG_ID = /^[\x20-\x7e]+$/;
const MAX_AVATAR_URL_CHARS = 512;

const encoder = new TextEncoder();

/**
 * A room or user id in its one spelling (NFC), or undefined. Safe integers are taken as strings; JSON has already turned a
 * larger one into a neighbour, which would be somebody else's id.
 */
export function parseId(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  // The length is looked at first: normalising a megabyte costs a worker more than refusing it.
  if (typeof text !== 'string' || text.length === 0 || text.length > MAX_ID_BYTES * 4) return undefined;
  const id = text.normalize('NFC');
  const fits = encoder.encode(id).length <= MAX_ID_BYTES;
  return fits && ID.test(id) && !INVISIBLE.test(id) ? id : undefined;
}

/** Of somebody who comes in, who may not be taken for the server. */
export function parseUnreservedId(value: unknown): string | undefined {
  const id = parseId(value);
  return id === undefined || isReserved(id) ? undefined : id;
}

/** A nickname, trimmed and NFC, or undefined. */
export function parseUsername(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_USERNAME_CHARS * 8) return undefined;
  // Before it is trimmed: JavaScript counts U+FEFF as a space.
  if (INVISIBLE.test(value)) return undefined;
  const name = value.normalize('NFC').trim();
  const chars = [...name].length;
  return chars >= 1 && chars <= MAX_USERNAME_CHARS && !UNPRINTABLE.test(name) ? name : undefined;
}

/** Of a person; back ends may speak under any name. */
export function parseUnreservedUsername(value: unknown): string | undefined {
  const name = parseUsername(value);
  return name === undefined || isReserved(name) ? undefined : name;
}

/** In small or capital, in wide or ornamental letters. */
function isReserved(name: string): boolean {
  return name.normalize('NFKC').trim().toLowerCase() === RESERVED;
}

/** `1.jpg` or an https URL in its normalised spelling, or undefined. */
export function parseAvatar(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_AVATAR_URL_CHARS) return undefined;
  if (AVATAR_NAME.test(value)) return INVISIBLE.test(value) ? undefined : value;
  // An address would be given U+FFFD for a lone surrogate.
  if (!isWellFormed(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  return url.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}

export function parseClientMsgId(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_CLIENT_MSG_ID_CHARS) return undefined;
  return CLIENT_MSG_ID.test(value) ? value : undefined;
}

/** Half a character, a lone surrogate, has no UTF-8: a client in Python could not print it, nor others store it. */
export function isWellFormed(text: string): boolean {
  // Not yet in every browser of the SDK; the pattern takes ten times as long.
  return typeof text.isWellFormed === 'function' ? text.isWellFormed() : !LONE_SURROGATE.test(text);
}

/** Whether a reader would see anything of it. */
export function isVisible(text: string): boolean {
  return VISIBLE.test(text);
}

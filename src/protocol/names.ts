import {
  MAX_AVATAR_URL_CHARS,
  MAX_CLIENT_MSG_ID_CHARS,
  MAX_ID_BYTES,
  MAX_REACTION_CHARS,
  MAX_SIGNAL_NAME_CHARS,
  MAX_USERNAME_CHARS,
} from './limits.ts';

const ID = /^[\p{L}\p{M}\p{Nd}\-_.:@~](?:[\p{L}\p{M}\p{Nd}\-_.:@~ ]*[\p{L}\p{M}\p{Nd}\-_.:@~])?$/u;
/**
 * Invisible characters, which would let two different ids or names look the same: fillers, joiners, variation selectors,
 * zero-width and direction characters, and the blank Braille pattern and annotation marks, which Unicode counts as
 * visible. Unicode classifies some of the fillers as letters.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;
/** Controls, line and paragraph separators, lone surrogates, and what Unicode has not assigned yet. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u;
const VISIBLE = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;
const LONE_SURROGATE = /\p{Cs}/u;
/** The sender of back ends' messages that name no sender. */
const RESERVED = 'roomcast';
const AVATAR_NAME = /^[\p{L}\p{Nd}_-][\p{L}\p{Nd}._-]{0,63}$/u;
const CLIENT_MSG_ID = /^[\x20-\x7e]+$/;

const encoder = new TextEncoder();

/**
 * Parses a room or user id and normalises it (NFC). Accepts safe integers; JSON has already rounded larger ones, to what may
 * be another user's id.
 */
export function parseId(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  // Checks the length first: normalising a megabyte costs more than rejecting it.
  if (typeof text !== 'string' || text.length === 0 || text.length > MAX_ID_BYTES * 4) return undefined;
  const id = text.normalize('NFC');
  const fits = encoder.encode(id).length <= MAX_ID_BYTES;
  return fits && ID.test(id) && !INVISIBLE.test(id) ? id : undefined;
}

/** Parses a client's own id, which must not pass for the server's. */
export function parseUnreservedId(value: unknown): string | undefined {
  const id = parseId(value);
  return id === undefined || isReserved(id) ? undefined : id;
}

/** Parses a nickname, trims it and normalises it (NFC). */
export function parseUsername(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_USERNAME_CHARS * 8) return undefined;
  // The check comes before trimming, because `trim` removes U+FEFF as a space.
  if (INVISIBLE.test(value)) return undefined;
  const name = value.normalize('NFC').trim();
  const chars = [...name].length;
  return chars >= 1 && chars <= MAX_USERNAME_CHARS && !UNPRINTABLE.test(name) ? name : undefined;
}

/** Parses a client's own nickname; back ends may use any name. */
export function parseUnreservedUsername(value: unknown): string | undefined {
  const name = parseUsername(value);
  return name === undefined || isReserved(name) ? undefined : name;
}

/** Ignores case and compatibility forms, such as wide or ornamental letters. */
function isReserved(name: string): boolean {
  return name.normalize('NFKC').trim().toLowerCase() === RESERVED;
}

/** Parses a file name such as `1.jpg`, or an https URL, which it normalises. */
export function parseAvatar(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_AVATAR_URL_CHARS) return undefined;
  if (AVATAR_NAME.test(value)) return INVISIBLE.test(value) ? undefined : value;
  // The URL parser would replace a lone surrogate by U+FFFD.
  if (!isWellFormed(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  return url.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}

export function parseReaction(value: unknown): string | undefined {
  return parseLabel(value, MAX_REACTION_CHARS);
}

export function parseSignalName(value: unknown): string | undefined {
  return parseLabel(value, MAX_SIGNAL_NAME_CHARS);
}

function parseLabel(value: unknown, maxChars: number): string | undefined {
  if (typeof value !== 'string' || value.length > 4 * maxChars) return undefined;
  const label = value.normalize('NFC');
  if ([...label].length > maxChars || UNPRINTABLE.test(label)) return undefined;
  return isVisible(label) ? label : undefined;
}

export function parseClientMsgId(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_CLIENT_MSG_ID_CHARS) return undefined;
  return CLIENT_MSG_ID.test(value) ? value : undefined;
}

/**
 * Returns whether the text has no lone surrogate, which UTF-8 cannot encode: other clients could neither print nor
 * store it.
 */
export function isWellFormed(text: string): boolean {
  // Some browsers that the SDK supports lack the method; the pattern takes ten times as long.
  return typeof text.isWellFormed === 'function' ? text.isWellFormed() : !LONE_SURROGATE.test(text);
}

/** Returns whether the text has a visible character. */
export function isVisible(text: string): boolean {
  return VISIBLE.test(text);
}

import { MAX_CLIENT_MSG_ID_CHARS, MAX_ID_BYTES, MAX_USERNAME_CHARS } from './limits.ts';

const ID = /^[\p{L}\p{M}\p{Nd}\-_.:@~](?:[\p{L}\p{M}\p{Nd}\-_.:@~ ]*[\p{L}\p{M}\p{Nd}\-_.:@~])?$/u;
/** Controls, line and paragraph separators, lone surrogates, and what turns the reading direction round. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
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
  return encoder.encode(id).length <= MAX_ID_BYTES && ID.test(id) ? id : undefined;
}

/** A nickname, trimmed and NFC, or undefined. */
export function parseUsername(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_USERNAME_CHARS * 8) return undefined;
  const name = value.normalize('NFC').trim();
  const chars = [...name].length;
  return chars >= 1 && chars <= MAX_USERNAME_CHARS && !UNPRINTABLE.test(name) ? name : undefined;
}

/** `1.jpg` or an https URL in its normalised spelling, or undefined. */
export function parseAvatar(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_AVATAR_URL_CHARS) return undefined;
  if (AVATAR_NAME.test(value)) return value;
  if (!URL.canParse(value)) return undefined;
  const url = new URL(value);
  return url.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}

export function parseClientMsgId(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_CLIENT_MSG_ID_CHARS) return undefined;
  return CLIENT_MSG_ID.test(value) ? value : undefined;
}

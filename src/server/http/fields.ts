import * as z from 'zod';
import { type Refusal, refuse } from '../../protocol/codes.ts';
import { JSON_BYTES_PER_TEXT_BYTE, MAX_JSON_DEPTH, MAX_MENTIONS } from '../../protocol/limits.ts';
import * as payloads from '../../protocol/payloads.ts';

/*
 * Fields that several routes share: the protocol's own parsers, with the descriptions for the OpenAPI document.
 */

const ID =
  '1 to 128 bytes of UTF-8: letters and digits of any script, spaces inside, and _ - . : @ ~. A number is taken as text.';

export const roomid = payloads.roomid.meta({ type: 'string', description: `A room: ${ID}` });
export const userId = payloads.userId.meta({ type: 'string', description: `A user: ${ID}` });
export const username = payloads.username.meta({
  type: 'string',
  description: '1 to 32 characters without control, direction, zero-width and unassigned ones.',
});
export const avatar = payloads.avatar.meta({
  type: 'string',
  description: 'A short file name or an https: URL.',
});
export const clientMsgId = payloads.clientMsgId.meta({
  type: 'string',
  minLength: 1,
  maxLength: 64,
  description: 'The same one again, within DEDUPE_TTL_S, is answered as the first and stored once.',
});
export const text = payloads.text.meta({
  description: 'Plain text of at most MAX_TEXT_BYTES, not only of spaces and characters that cannot be seen.',
});
export const socketId = z
  .string({ error: 'must be a socket id' })
  .regex(/^[\w-]{1,64}$/, { error: 'must be a socket id' })
  .describe('The id of a connection: `socket.id`, or `hello.clientId`.');
export const idempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,128}$/, { error: 'must be 1 to 128 printable ASCII characters' })
  .describe(
    'A repeat of the request under this key within DEDUPE_TTL_S gets the first answer and is not run again.',
  );
/** Any JSON value, parsed to its JSON text. */
export const data = payloads.freeForm.meta({
  description: `Any JSON, at most ${MAX_JSON_DEPTH} levels deep and ${JSON_BYTES_PER_TEXT_BYTE} times MAX_TEXT_BYTES long.`,
});

/** The same beside a text, where blank data counts as absent. */
export const messageData = payloads.messageData.meta({ description: data.description ?? '' });
export const mentions = payloads.mentions.meta({
  type: 'array',
  items: { type: 'string' },
  maxItems: MAX_MENTIONS,
  description: 'The ids of users whom the message mentions.',
});
export const reaction = payloads.reaction.meta({
  type: 'string',
  minLength: 1,
  description: '1 to 32 characters that can be seen, as an emoji.',
});

const MAX_ENTITY_TYPE_CHARS = 256;
export const entityType = payloads
  .wellFormed(
    z.string().max(MAX_ENTITY_TYPE_CHARS, {
      error: `must not be longer than ${MAX_ENTITY_TYPE_CHARS} characters`,
    }),
  )
  .default('')
  .describe('The subject of the data, passed on unchanged.');

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

/** A number in a URL, where everything is text. `prefault`, because the document shows no `default` of a piped type. */
export function wholeNumber(min: number, max: number) {
  return z
    .unknown()
    .transform((value, context): number => {
      const number = /^\d{1,16}$/.test(String(value)) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      const message = `must be a whole number from ${min} to ${max}`;
      context.addIssue({ code: 'custom', message, input: undefined });
      return z.NEVER;
    })
    .meta({ type: 'integer', minimum: min, maximum: max });
}

export const pageLimit = wholeNumber(1, MAX_PAGE).prefault(DEFAULT_PAGE);

/** The description of `after` for a page that is sorted by id. */
export const AFTER_ID = 'Those after this one, in the order of the bytes.';
export const next = z.string().optional().describe('The `after` of the next page; absent on the last one.');

export const until = z.number().int().optional().describe('The end, ms since 1970; absent if it has no end.');
export const seconds = payloads.restrictionSeconds
  .optional()
  .describe('The duration; if absent, it holds until it is lifted. It replaces an earlier one.');

export const count = z.number().int().min(0);
export const counts = { users: count, clients: count };
export const at = z.number().int().describe('Ms since 1970 by the store’s clock.');

export function tooLong(json: string, maxTextBytes: number): Refusal | undefined {
  const maxBytes = maxTextBytes * JSON_BYTES_PER_TEXT_BYTE;
  if (Buffer.byteLength(json) <= maxBytes) return undefined;
  return refuse('too_large', `data: must not be longer than ${maxBytes} bytes as JSON`);
}

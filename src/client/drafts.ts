import { stringifyFreeForm } from '../protocol/free-form.ts';
import {
  JSON_BYTES_PER_TEXT_BYTE,
  MAX_JSON_DEPTH,
  MAX_MENTIONS,
  MAX_PACKET_BYTES,
} from '../protocol/limits.ts';
import { parseClientMsgId, parseId } from '../protocol/names.ts';
import type { CallOptions } from './call-options.ts';
import { ClientError, type ClientErrorCode } from './client-error.ts';
import { newMessageId } from './message-id.ts';
import { unknownFate } from './outbox.ts';
import type { Unsent } from './unsent-queue.ts';

/** A message of a room that is not acked yet. */
export interface Draft extends Unsent {
  readonly roomid: string;
  readonly text: string;
  readonly type?: number;
  /** Any JSON. */
  readonly data?: unknown;
  readonly replyTo?: number;
  readonly mentions?: readonly string[];
  readonly echo?: boolean;
  /** The id of the user who wrote it; absent while nobody was known. */
  readonly by?: string;
  /** The time of writing, ms since 1970 by this device's clock. */
  readonly at?: number;
  /** The error after which only the application sends it again; only in a room of `enter`. */
  readonly problem?: { readonly code: ClientErrorCode; readonly message: string };
}

export interface SayOptions extends CallOptions {
  readonly type?: number;
  /** Any JSON beside the text, which may then be empty. */
  readonly data?: unknown;
  /** The `seq` of the message that this one answers. */
  readonly replyTo?: number;
  /** The ids of at most 20 users whom it mentions. */
  readonly mentions?: readonly string[];
  /** Generated when absent. The server stores a repeated one once. */
  readonly clientMsgId?: string;
  /** False: this client's own `message` event leaves the message out. True. */
  readonly echo?: boolean;
}

/** The server closes a connection that sends a larger packet, each time it is sent again. */
export const MAX_WRITTEN_BYTES = MAX_PACKET_BYTES - 4_096;

export function draftMessage(
  roomid: string,
  text: string,
  { clientMsgId = newMessageId(), type, data, replyTo, mentions, echo }: SayOptions,
  written: Pick<Draft, 'by' | 'at'>,
): Draft | ClientError {
  const problem =
    checkText(text) ?? checkMessageId(clientMsgId) ?? checkFields({ type, replyTo, mentions, echo });
  if (problem) return problem;
  const copy = copyOf(data);
  if (copy instanceof ClientError) return copy;
  const named = mentions && [...mentions];
  return { roomid, clientMsgId, text, type, data: copy, replyTo, mentions: named, echo, ...written };
}

/** Copies the data, which the application may go on changing: every attempt must send the same. */
export function copyOf(data: unknown): unknown | ClientError {
  if (data === undefined) return undefined;
  const json = stringifyFreeForm(data);
  if (json !== undefined) return JSON.parse(json);
  return new ClientError('bad_request', `data: must be JSON, nested at most ${MAX_JSON_DEPTH} levels deep`);
}

/** The other members of a message, as whoever calls without types may give them. */
type Fields = { readonly [name in 'type' | 'replyTo' | 'mentions' | 'echo']?: unknown };

function checkFields({ type, replyTo, mentions, echo }: Fields): ClientError | undefined {
  const wrong = (field: string, grammar: string) =>
    new ClientError('bad_request', `${field}: must be ${grammar}`);
  if (type !== undefined && !Number.isSafeInteger(type)) return wrong('type', 'a whole number');
  if (replyTo !== undefined && !Number.isSafeInteger(replyTo)) return wrong('replyTo', 'a whole number');
  if (echo !== undefined && typeof echo !== 'boolean') return wrong('echo', 'true or false');
  if (mentions === undefined || isMentions(mentions)) return undefined;
  return wrong('mentions', `at most ${MAX_MENTIONS} user ids`);
}

function isMentions(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length <= MAX_MENTIONS && value.every((id) => parseId(id) !== undefined)
  );
}

/** A message without an author is this user's. */
export function withAuthor<D extends { readonly by?: string }>(draft: D, userId: string): D {
  return { ...draft, by: draft.by ?? userId };
}

/** Returns the error of a message that another user wrote; one without an author is this user's. */
export function checkAuthor(
  { by, firstSentAt }: Pick<Draft, 'by' | 'firstSentAt'>,
  userId: string | undefined,
): ClientError | undefined {
  if (by === undefined || by === userId) return undefined;
  // The server knows a clientMsgId again only of the user who sent it before.
  if (firstSentAt !== undefined) return unknownFate();
  return new ClientError('wrong_user', 'this was written by somebody else');
}

/** Callers in JavaScript have no types. */
export function checkText(text: unknown): ClientError | undefined {
  return typeof text === 'string' ? undefined : new ClientError('bad_request', 'text: must be a string');
}

export function checkMessageId(clientMsgId: unknown): ClientError | undefined {
  if (parseClientMsgId(clientMsgId) !== undefined) return undefined;
  return new ClientError('bad_request', 'clientMsgId: must be 1 to 64 printable ASCII characters');
}

export function checkLength(text: string, limit: number): ClientError | undefined {
  const fits = bytes(text) <= limit && bytes(JSON.stringify(text)) <= MAX_WRITTEN_BYTES;
  return fits ? undefined : new ClientError('too_large', `text: must not be longer than ${limit} bytes`);
}

/** The content of a message or of an edit. */
export interface Content {
  readonly text?: string | undefined;
  readonly data?: unknown;
}

/** Checks the text and the data, each by its own limit and both together by that of a packet. */
export function checkContent({ text = '', data }: Content, limit: number): ClientError | undefined {
  const problem = checkLength(text, limit);
  if (problem || data === undefined) return problem;
  const json = JSON.stringify(data);
  const most = Math.min(limit * JSON_BYTES_PER_TEXT_BYTE, MAX_WRITTEN_BYTES);
  if (bytes(json) <= most && bytes(JSON.stringify(text)) + bytes(json) <= MAX_WRITTEN_BYTES) return undefined;
  return new ClientError('too_large', `data: must not be longer than ${most} bytes as JSON`);
}

export function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Reads a stored value, which may hold anything. */
export function parseDrafts(value: unknown): readonly Draft[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(
    (draft: Partial<Draft> | null) =>
      isStoredMessage(draft) &&
      typeof draft.roomid === 'string' &&
      typeof draft.text === 'string' &&
      isTime(draft.at) &&
      checkFields(draft) === undefined &&
      !(copyOf(draft.data) instanceof ClientError) &&
      (draft.problem === undefined || typeof draft.problem?.message === 'string'),
  );
}

/** Checks the fields that stored messages of rooms and to people share. */
export function isStoredMessage<D extends Partial<Unsent> & { readonly by?: unknown }>(
  value: D | null,
): value is D {
  return (
    parseClientMsgId(value?.clientMsgId) !== undefined &&
    (value?.by === undefined || (typeof value.by === 'string' && parseId(value.by) === value.by)) &&
    isTime(value?.firstSentAt)
  );
}

function isTime(value: unknown): boolean {
  return value === undefined || (Number.isFinite(value) && Number(value) >= 0);
}

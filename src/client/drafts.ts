import { MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseClientMsgId, parseId } from '../protocol/names.ts';
import { ClientError, type ClientErrorCode } from './client-error.ts';
import { newMessageId } from './message-id.ts';
import type { Unsent } from './outbox.ts';

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

export interface SayOptions {
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
export const MAX_WRITTEN_BYTES = MAX_PACKET_BYTES - 2_048;

export function draftMessage(
  roomid: string,
  text: string,
  { clientMsgId = newMessageId(), type, data, replyTo, mentions, echo }: SayOptions,
  written: Pick<Draft, 'by' | 'at'>,
): Draft | ClientError {
  const problem = checkText(text) ?? checkMessageId(clientMsgId);
  return problem ?? { roomid, clientMsgId, text, type, data, replyTo, mentions, echo, ...written };
}

/** A message without an author is this user's. */
export function withAuthor<D extends { readonly by?: string }>(draft: D, userId: string): D {
  return { ...draft, by: draft.by ?? userId };
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
      (draft.type === undefined || Number.isSafeInteger(draft.type)) &&
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

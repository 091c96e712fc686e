import { MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseClientMsgId } from '../protocol/names.ts';
import { ClientError } from './client-error.ts';
import { newMessageId } from './message-id.ts';
import type { Unsent } from './outbox.ts';

/** A message of a room that is not acked yet. */
export interface Draft extends Unsent {
  readonly roomid: string;
  readonly text: string;
  readonly type?: number;
  readonly echo?: boolean;
  /** Who wrote it; absent of guests, who may come back under another id, and before the first connection. */
  readonly by?: string;
}

export interface SayOptions {
  readonly type?: number;
  /** Made up when not given; a repeated one is stored once. */
  readonly clientMsgId?: string;
  /** False: the message is not handed on by this client's own `message`. */
  readonly echo?: boolean;
}

/** A packet over the transport's limit would close the link, each time it is sent again. */
export const MAX_WRITTEN_BYTES = MAX_PACKET_BYTES - 2_048;

export function draftMessage(
  roomid: string,
  text: string,
  options: SayOptions,
  by?: string,
): Draft | ClientError {
  const { clientMsgId = newMessageId(), type, echo } = options;
  return (
    checkText(text) ??
    checkMessageId(clientMsgId) ?? {
      roomid,
      clientMsgId,
      text,
      ...(type === undefined ? {} : { type }),
      ...(echo === undefined ? {} : { echo }),
      ...(by === undefined ? {} : { by }),
    }
  );
}

/** JavaScript lets through what the types forbid. */
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

/** Of a storage, where anything may stand. */
export function parseDrafts(value: unknown): readonly Draft[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(
    (draft: Partial<Draft> | null) =>
      typeof draft?.roomid === 'string' &&
      typeof draft.text === 'string' &&
      parseClientMsgId(draft.clientMsgId) !== undefined,
  );
}

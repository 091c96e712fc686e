import type { ErrorCode, WireError } from '../protocol/codes.ts';

/**
 * The code of a refusal, or one of the client's own. `unknown`: the message was sent, no answer came, and the server no
 * longer remembers its clientMsgId; it may be stored, and sending it again may show it twice. `closed`: the client or the
 * room is closed.
 */
export type ClientErrorCode = ErrorCode | 'unknown' | 'closed';

/** What every promise of the client rejects with. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** Whether the same request may succeed later, unchanged. */
  readonly temporary: boolean;
  /** When to try again, in ms from now. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ClientErrorCode, message: string, temporary = false, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.temporary = temporary;
    this.retryAfterMs = retryAfterMs;
  }
}

export function errorOf({ code, message, temporary, retryAfterMs }: WireError): ClientError {
  return new ClientError(code, message, temporary, retryAfterMs);
}

import type { ErrorCode, WireError } from '../protocol/codes.ts';

/**
 * The code of a refusal, or one of the client's own. `unknown`: the message was sent, no answer came, and the server no
 * longer remembers its clientMsgId; it may be stored, and sending it again may show it twice. `closed`: the client or the
 * room is closed. `wrong_user`: another user wrote the message. `aborted`, `timeout`: the caller's own `signal` or `timeoutMs`
 * ended the wait.
 */
export type ClientErrorCode = ErrorCode | 'unknown' | 'closed' | 'wrong_user' | 'aborted' | 'timeout';

/** The error that every promise of the client rejects with. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** The same request may succeed later, unchanged. */
  readonly temporary: boolean;
  /** Ms to wait before another attempt; for a ban or mute, ms until its end. */
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

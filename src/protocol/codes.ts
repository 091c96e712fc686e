/** Every refusal a client, back end or worker can get carries one of these codes; the set is closed. */
const ERROR_CODES = [
  'bad_request',
  'unauthorized',
  'forbidden',
  'not_joined',
  'not_found',
  'limit',
  'too_large',
  'rate_limited',
  'unavailable',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Codes after which the same request may succeed later, unchanged. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'unavailable', 'internal']);

/** A refusal on the wire. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly temporary: boolean;
  /** When to try again, in ms from now. */
  readonly retryAfterMs?: number;
}

/** An expected failure is a value: callers must look before they use the result. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

export interface Refusal {
  readonly ok: false;
  readonly error: WireError;
}

export function refuse(code: ErrorCode, message: string, retryAfterMs?: number): Refusal {
  const error = { code, message, temporary: TEMPORARY.has(code) };
  return { ok: false, error: retryAfterMs === undefined ? error : { ...error, retryAfterMs } };
}

export function succeed<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

/** The codes of `bye`. */
export const BYE = {
  moved: 3001,
  slow: 3008,
  expired: 3500,
  disconnected: 3503,
  overLimit: 3504,
} as const;

import type { FastifyReply } from 'fastify';
import { type ErrorCode, type Refusal, refuse } from '../../protocol/codes.ts';

export const STATUS: { readonly [C in ErrorCode]: number } = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_joined: 409,
  not_found: 404,
  limit: 409,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
  internal: 500,
};

/** What a refusal of the framework means; of its other statuses: `bad_request`. */
const CODE: { readonly [status: number]: ErrorCode } = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  413: 'too_large',
  429: 'rate_limited',
};

/** When to try again where the refusal does not say. */
const RETRY_MS = 1_000;

/** `status`: where it says more than the code's own, such as 415. */
export function answerRefusal(
  reply: FastifyReply,
  { error }: Refusal,
  status = STATUS[error.code],
): FastifyReply {
  if (error.temporary) {
    // The header knows whole seconds only; 0 would be no time at all.
    reply.header('Retry-After', Math.max(1, Math.ceil((error.retryAfterMs ?? RETRY_MS) / 1_000)));
  }
  if (error.code === 'unauthorized') reply.header('WWW-Authenticate', 'Bearer');
  return reply.status(status).send({ error });
}

export interface FrameworkError extends Error {
  readonly statusCode?: number;
}

/** What the framework found wrong with the request before anybody looked at it; undefined: it is our fault. */
export function answerFrameworkError(reply: FastifyReply, error: FrameworkError): FastifyReply | undefined {
  const { statusCode, message } = error;
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined;
  return answerRefusal(reply, refuse(CODE[statusCode] ?? 'bad_request', message), statusCode);
}

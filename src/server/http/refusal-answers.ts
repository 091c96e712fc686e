import type { FastifyReply } from 'fastify';
import * as z from 'zod';
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

export const refusalError = z.object({
  code: z.enum(Object.keys(STATUS) as ErrorCode[]),
  message: z.string().describe('Begins with the name of the wrong field, if there is one.'),
  temporary: z.boolean().describe('The same request may succeed later.'),
  retryAfterMs: z.number().min(0).optional(),
});

/** The error code of the framework's own refusals; `bad_request` for other statuses. */
const CODE: { readonly [status: number]: ErrorCode } = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  413: 'too_large',
  429: 'rate_limited',
};

/** `Retry-After` where the refusal states no time. */
const RETRY_MS = 1_000;

/** `status` may say more than the code's own, such as 415. */
export function answerRefusal(
  reply: FastifyReply,
  { error }: Refusal,
  status = STATUS[error.code],
): FastifyReply {
  if (error.temporary) {
    // The header has whole seconds only, and 0 would mean at once.
    reply.header('Retry-After', Math.max(1, Math.ceil((error.retryAfterMs ?? RETRY_MS) / 1_000)));
  }
  if (error.code === 'unauthorized') reply.header('WWW-Authenticate', 'Bearer');
  return reply.status(status).send({ error });
}

export interface FrameworkError extends Error {
  readonly statusCode?: number;
}

/** Answers what the framework itself found wrong with the request; undefined: the error is ours. */
export function answerFrameworkError(reply: FastifyReply, error: FrameworkError): FastifyReply | undefined {
  const { statusCode, message } = error;
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined;
  const said = statusCode === 415 ? 'payload: its Content-Type must be application/json' : message;
  return answerRefusal(reply, refuse(CODE[statusCode] ?? 'bad_request', said), statusCode);
}

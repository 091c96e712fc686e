import type { FastifyRequest } from 'fastify';
import type { RecentAnswer } from '../../message-trace.ts';
import { parseClientMsgId, parseId } from '../../protocol/names.ts';
import type { ApiContext } from './api-context.ts';
import type { ApiRoute } from './route.ts';

/**
 * Remembers a refused write, and the repetition of a known one, for `roomcast explain`: by the `clientMsgId` of its body and by
 * its `Idempotency-Key`. The request may be the reason of the refusal, so nothing about it is validated.
 */
export function rememberAnswer(
  { params, headers, body, replayed }: Pick<FastifyRequest, 'params' | 'headers' | 'body' | 'replayed'>,
  { method, path }: Pick<ApiRoute, 'method' | 'path'>,
  nsp: string,
  answer: unknown,
  recentAnswers: ApiContext['recentAnswers'],
): void {
  const error = fieldOf(answer, 'error') as Answered | undefined;
  const answered = error ? refusalOf(error) : repetitionIn(answer, replayed);
  if (!answered) return;
  const roomid = parseId(fieldOf(params, 'roomid'));
  const given = [fieldOf(body, 'clientMsgId'), headers['idempotency-key']].map(parseClientMsgId);
  for (const clientMsgId of new Set(given)) {
    if (clientMsgId === undefined) continue;
    const where = { nsp, ...(roomid === undefined ? {} : { roomid }) };
    recentAnswers.note({ event: `${method} ${path}`, clientMsgId, ...where, ...answered });
  }
}

type Answered = Pick<RecentAnswer, 'code' | 'retryAfterMs' | 'seq'>;

function refusalOf({ code, retryAfterMs }: Answered): Answered {
  return { ...(code && { code }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function repetitionIn(answer: unknown, replayed: boolean): Answered | undefined {
  const seq = fieldOf(answer, 'seq');
  return (replayed || fieldOf(answer, 'dup') === true) && typeof seq === 'number' ? { seq } : undefined;
}

function fieldOf(given: unknown, name: string): unknown {
  if (typeof given !== 'object' || given === null) return undefined;
  return (given as Readonly<Record<string, unknown>>)[name];
}

import { createHash } from 'node:crypto';
import * as z from 'zod';
import { refuse, succeed } from '../../protocol/codes.ts';
import { MAX_BATCH_ANSWER_BYTES, MAX_BATCH_REQUESTS } from '../../protocol/limits.ts';
import { idempotencyKey } from './fields.ts';
import { STATUS } from './refusal-answers.ts';
import { type ApiRoute, type InnerAnswer, route } from './route.ts';

const PREFIX = '/api/v1/';
const BASE = 'http://batch.invalid';

/** Resolves the path as the server will, so that no `..` and no other host leads out of the API. */
function resolvePath(path: string): string | undefined {
  if (!path.startsWith(PREFIX) || !URL.canParse(path, BASE)) return undefined;
  const { origin, pathname, search } = new URL(path, BASE);
  return origin === BASE && pathname.startsWith(PREFIX) ? pathname + search : undefined;
}

const path = z
  .string()
  .transform((given, context): string => {
    const resolved = resolvePath(given);
    if (resolved !== undefined) return resolved;
    context.addIssue({ code: 'custom', message: `must be a path below ${PREFIX}`, input: undefined });
    return z.NEVER;
  })
  .meta({ type: 'string', description: `A path below ${PREFIX} with its query.` });

const batch = route({
  method: 'POST',
  path: '/api/v1/batch',
  operationId: 'batch',
  summary:
    'Runs requests one after the other, each as if it came alone: a refused one does not stop those behind it.',
  paced: false,
  namespaced: false,
  alone: true,
  repeats: 'itself',
  body: z.object({
    requests: z
      .array(
        z.object({
          method: z.enum(['GET', 'POST', 'PATCH', 'DELETE']),
          path,
          body: z.unknown().optional(),
          idempotencyKey: idempotencyKey.optional(),
        }),
      )
      .min(1, { error: 'must hold a request' })
      .max(MAX_BATCH_REQUESTS, { error: `must not hold more than ${MAX_BATCH_REQUESTS} requests` })
      .describe('No batch, no stream of events and no export.'),
  }),
  answer: z.object({
    results: z
      .array(z.object({ status: z.number().int(), body: z.unknown() }))
      .describe('The HTTP status and the answer of each request, in their order.'),
  }),
  async run({ headers, body: { requests }, runInner }) {
    const results: { status: number; body: unknown }[] = [];
    let bytes = 0;
    for (const [index, { idempotencyKey: own, ...request }] of requests.entries()) {
      const key = own ?? keyOf(headers['idempotency-key'], index);
      const { status, text }: InnerAnswer =
        bytes > MAX_BATCH_ANSWER_BYTES ? NOT_RUN : await runInner({ ...request, idempotencyKey: key });
      bytes += text.length;
      results.push({ status, body: JSON.parse(text) as unknown });
    }
    return succeed({ results });
  },
});

const { error } = refuse('too_large', 'requests: the answers are too long together; send this one again');
const NOT_RUN: InnerAnswer = { status: STATUS.too_large, text: JSON.stringify({ error }) };

/** The key of the batch stands for one of each write. Reads are answered anew, so that no long answer is stored. */
function keyOf(key: string | undefined, index: number): string | undefined {
  return key && `batch-${index}-${createHash('sha256').update(key).digest('base64url')}`;
}

export const BATCH_ROUTES: readonly ApiRoute[] = [batch];

import { z } from 'zod';
import { ignoringBlanks } from '../../protocol/blank-fields.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { describeIssues } from '../../protocol/payloads.ts';
import type { ApiContext } from './context.ts';

/** As the framework gave it: nothing about it is certain. */
export interface GivenRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
}

export interface Asked {
  readonly nsp: string;
  /** Of the back end that asks: whose clientMsgIds these are. */
  readonly scope: string;
  /** The id of a write that may be sent twice: the same for each try. */
  readonly operation?: string;
}

/** A request that was looked at. */
export interface ApiCall {
  /** The header of a write. */
  readonly idempotencyKey: string | undefined;
  /** What it is done to, in the address; and what is asked for. Both bounded, whatever was sent. */
  readonly params: unknown;
  readonly content: unknown;
  run(asked: Asked, context: ApiContext): Promise<Outcome<unknown>>;
}

type Fields = z.ZodObject;

const NOTHING = z.object({});
type Nothing = typeof NOTHING;

const WRITE_HEADERS = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x20-\x7e]{1,128}$/, { error: 'must be 1 to 128 printable ASCII characters' })
    .optional()
    .describe(
      'The same request again under this key, within DEDUPE_TTL_S, is answered as the first and done once.',
    ),
});

/** What a route takes and answers, for the code that serves it and for the document that describes it. */
interface RouteSchemas {
  readonly params?: Fields;
  readonly query?: Fields;
  readonly headers?: Fields;
  readonly body?: z.ZodType;
  /** The same body urlencoded, where that is taken too. */
  readonly form?: z.ZodType;
  readonly answer: z.ZodType;
}

/** One route of the API. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** From the root, with `:name` for what varies. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Answered to everybody. */
  readonly open: boolean;
  /** Waits for its turn among all that is asked of the store; who paces what it does itself does not. */
  readonly paced: boolean;
  /** Works in the namespace that `?ns=` says. */
  readonly namespaced: boolean;
  readonly answers: 'json' | 'text';
  readonly schemas: RouteSchemas;
  read(given: GivenRequest): Outcome<ApiCall>;
  /** Whether another try could do more than was done. */
  isComplete(answer: unknown): boolean;
}

/** Values are handed on as they are, which nobody may change. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

interface RouteInput<P extends Fields, Q extends Fields, B extends z.ZodType> extends Asked {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
}

interface RouteOptions<A extends z.ZodType, P extends Fields, Q extends Fields, B extends z.ZodType>
  extends Pick<ApiRoute, 'method' | 'path' | 'operationId' | 'summary'>,
    Partial<Pick<ApiRoute, 'open' | 'paced' | 'namespaced' | 'answers'>> {
  readonly isComplete?: (answer: Frozen<z.output<A>>) => boolean;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly form?: z.ZodType;
  readonly answer: A;
  run(input: RouteInput<P, Q, B>, context: ApiContext): Promise<Outcome<Frozen<z.output<A>>>>;
}

export function route<
  A extends z.ZodType,
  P extends Fields = Nothing,
  Q extends Fields = Nothing,
  B extends z.ZodType = Nothing,
>(options: RouteOptions<A, P, Q, B>): ApiRoute {
  const { method, path, operationId, summary, run, isComplete = () => true } = options;
  const { open = false, paced = !open, namespaced = true, answers = 'json' } = options;
  const headers = method === 'GET' ? undefined : WRITE_HEADERS;
  // What is not declared is not looked at.
  const input = z.object({
    params: options.params ?? NOTHING,
    query: ignoringBlanks(options.query ?? NOTHING),
    headers: headers ?? NOTHING,
    body: options.body instanceof z.ZodObject ? ignoringBlanks(options.body) : (options.body ?? z.unknown()),
  });

  return {
    method,
    path,
    operationId,
    summary,
    open,
    paced,
    namespaced,
    answers,
    schemas: { ...options, headers },
    isComplete: (answer) => isComplete(answer as Frozen<z.output<A>>),
    read(given) {
      const { params, query, body } = given;
      const parsed = input.safeParse({ params, query, headers: given.headers, body: body ?? {} });
      if (!parsed.success) return refuse('bad_request', describeIssues(withinPart(parsed.error)));
      const { data } = parsed;
      const fields = data as Omit<RouteInput<P, Q, B>, keyof Asked>;
      return succeed({
        idempotencyKey: (data.headers as z.output<typeof WRITE_HEADERS>)['idempotency-key'],
        params: data.params,
        content: options.body === undefined ? {} : fields.body,
        run: (asked, context) => run({ ...fields, ...asked }, context),
      });
    },
  };
}

/** A field is named by itself, not by the part of the request it stands in. */
function withinPart({ issues }: z.ZodError): z.ZodError {
  return new z.ZodError(issues.map((issue) => ({ ...issue, path: issue.path.slice(1) })));
}

import * as z from 'zod';
import type { Identity } from '../../chat/identity.ts';
import { withBlankOptionals } from '../../protocol/blank-fields.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { describeIssues } from '../../protocol/issues.ts';
import type { AnswerKind } from './answer-kinds.ts';
import type { ApiContext } from './api-context.ts';
import { idempotencyKey } from './fields.ts';
import type { Frozen } from './frozen.ts';

/** A request as the framework gives it: nothing about it is validated. */
export interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
}

/** A request of a batch. */
export interface InnerRequest {
  readonly method: ApiRoute['method'];
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string | undefined;
}

export interface InnerAnswer {
  readonly status: number;
  /** JSON. */
  readonly text: string;
}

export interface CallScope {
  readonly nsp: string;
  /** The back end's scope, within which its clientMsgIds count. */
  readonly scope: string;
  /** The id of a write, the same for each attempt. */
  readonly operation?: string;
  /** The user whose token opened the route; a back end has none. */
  readonly reader?: Identity | undefined;
  /** Runs another request for the same back end. */
  readonly runInner: (request: InnerRequest) => Promise<InnerAnswer>;
}

/** A validated request. */
export interface ApiCall {
  /** The header `Idempotency-Key` of a write. */
  readonly idempotencyKey: string | undefined;
  /** The parameters of the path, and the validated body: both are bounded. */
  readonly params: unknown;
  readonly content: unknown;
  run(scope: CallScope, context: ApiContext): Promise<Outcome<unknown>>;
}

type Fields = z.ZodObject;

const NOTHING = z.object({});
type Nothing = typeof NOTHING;

const WRITE_HEADERS = z.object({ 'idempotency-key': idempotencyKey.optional() });

/** A route's input and answer, for the code that serves it and for the OpenAPI document. */
interface RouteSchemas {
  readonly params?: Fields;
  readonly query?: Fields;
  readonly headers?: Fields;
  readonly body?: z.ZodType;
  /** The same body urlencoded, where the route accepts that. */
  readonly form?: z.ZodType;
  readonly answer: z.ZodType;
  /** Each line, of an answer in lines. */
  readonly line?: z.ZodType | undefined;
}

/** One route of the API. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** The whole path, with `:name` for parameters. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Needs no API key. */
  readonly open: boolean;
  /** A user's token opens it too. */
  readonly forUsers: boolean;
  /** Needs a permit of admission. Routes that pace their own work do not. */
  readonly paced: boolean;
  /** Takes its namespace from `?ns=`. */
  readonly namespaced: boolean;
  /** `events` and `lines`: the handler returns a `StartStream`. */
  readonly answers: AnswerKind;
  /** Cannot be part of a batch. */
  readonly alone: boolean;
  /** `itself`: the route answers a repeated Idempotency-Key itself. */
  readonly repeats: 'stored' | 'itself';
  readonly schemas: RouteSchemas;
  read(given: RawRequest): Outcome<ApiCall>;
  /** Returns whether a retry could add nothing. */
  isComplete(answer: unknown): boolean;
}

interface RouteInput<P extends Fields, Q extends Fields, H extends Fields, B extends z.ZodType>
  extends CallScope {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly headers: z.output<H>;
  readonly body: z.output<B>;
}

interface RouteOptions<
  A extends z.ZodType,
  P extends Fields,
  Q extends Fields,
  H extends Fields,
  B extends z.ZodType,
> extends Pick<ApiRoute, 'method' | 'path' | 'operationId' | 'summary'>,
    Partial<Pick<ApiRoute, 'open' | 'forUsers' | 'paced' | 'namespaced' | 'answers' | 'alone' | 'repeats'>> {
  readonly isComplete?: (answer: Frozen<z.output<A>>) => boolean;
  readonly params?: P;
  readonly query?: Q;
  readonly headers?: H;
  readonly body?: B;
  readonly form?: z.ZodType;
  readonly answer: A;
  readonly line?: z.ZodType;
  run(input: RouteInput<P, Q, H, B>, context: ApiContext): Promise<Outcome<Frozen<z.output<A>>>>;
}

export function route<
  A extends z.ZodType,
  P extends Fields = Nothing,
  Q extends Fields = Nothing,
  H extends Fields = Nothing,
  B extends z.ZodType = Nothing,
>(options: RouteOptions<A, P, Q, H, B>): ApiRoute {
  const { method, path, operationId, summary, run, isComplete = () => true } = options;
  const { open = false, forUsers = false, paced = !open, namespaced = true, answers = 'json' } = options;
  const { alone = answers !== 'json', repeats = 'stored' } = options;
  const headers = method === 'GET' ? options.headers : WRITE_HEADERS;
  // Validates declared parts only.
  const input = z.object({
    params: options.params ?? NOTHING,
    query: withBlankOptionals(options.query ?? NOTHING),
    headers: headers ?? NOTHING,
    body:
      options.body instanceof z.ZodObject ? withBlankOptionals(options.body) : (options.body ?? z.unknown()),
  });

  return {
    method,
    path,
    operationId,
    summary,
    open,
    forUsers,
    paced,
    namespaced,
    answers,
    alone,
    repeats,
    schemas: { ...options, headers },
    isComplete: (answer) => isComplete(answer as Frozen<z.output<A>>),
    read(given) {
      const { params, query, body } = given;
      const parsed = input.safeParse({ params, query, headers: given.headers, body: body ?? {} });
      if (!parsed.success) return refuse('bad_request', describeIssues(withinPart(parsed.error)));
      const { data } = parsed;
      const fields = data as Omit<RouteInput<P, Q, H, B>, keyof CallScope>;
      return succeed({
        idempotencyKey: (data.headers as z.output<typeof WRITE_HEADERS>)['idempotency-key'],
        params: data.params,
        content: options.body === undefined ? {} : fields.body,
        run: (scope, context) => run({ ...fields, ...scope }, context),
      });
    },
  };
}

/** Names a field by itself, without the part of the request it stands in. */
function withinPart({ issues }: z.ZodError): z.ZodError {
  return new z.ZodError(issues.map((issue) => ({ ...issue, path: issue.path.slice(1) })));
}

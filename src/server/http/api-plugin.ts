import { setTimeout as pause } from 'node:timers/promises';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest, preSerializationHookHandler } from 'fastify';
import type { Logger } from 'pino';
import { type IdempotencyStore, type IdempotentAnswer, runIdempotent } from '../../chat/idempotency.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { JSON_BYTES_PER_TEXT_BYTE, MAX_ID_BYTES, MAX_PUSH_USERS } from '../../protocol/limits.ts';
import type { ApiAuthenticator } from '../auth/api-keys.ts';
import type { TokenGate } from '../auth/token-gate.ts';
import { requestIdOf } from '../request-id.ts';
import { isStreamed, MEDIA, type StartStream } from './answer-kinds.ts';
import type { ApiContext } from './api-context.ts';
import { pushOfForm } from './form-body.ts';
import { createInnerRequests } from './inner-requests.ts';
import { answerRefusal } from './refusal-answers.ts';
import { rememberAnswer } from './remembered-answers.ts';
import type { ApiCall, ApiRoute, CallScope } from './route.ts';
import { createRoutes } from './route-table.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly apiRoute?: ApiRoute;
  }
  interface FastifyRequest {
    /** The back end's scope; '' on an open route. */
    callerScope: string;
    /** Set where a user's token opened the route. */
    reader: CallScope['reader'];
    /** The answer is the one of an earlier request under the same Idempotency-Key. */
    replayed: boolean;
  }
}

export interface ApiDeps {
  readonly gate: ApiAuthenticator;
  readonly tokenGate: TokenGate;
  readonly namespaces: readonly string[];
  readonly version: string;
  readonly context: ApiContext;
  readonly log: Logger;
}

export const API_PREFIX = '/api';

/** Runs the task under a permit of admission, or refuses it. */
type InTurn = <T>(task: () => Promise<Outcome<T>>) => Promise<Outcome<T>>;

/** The API as a Fastify plugin, for the prefix `API_PREFIX`. */
export function createApi(deps: ApiDeps): (app: FastifyInstance) => Promise<void> {
  const { gate, tokenGate, namespaces, version, context, log } = deps;
  const bodyLimit = maxBodyBytes(context.limits.maxTextBytes);
  const routes = createRoutes({ version });
  const innerRequests = createInnerRequests();
  const { standard, namespaceOf } = createNamespaceChoice(namespaces);

  /** Checks the key before the body is read. */
  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    reply.header('Cache-Control', 'no-store');
    const { apiRoute } = request.routeOptions.config;
    const authorized = apiRoute?.open ? succeed({ scope: '' }) : gate.authorize(request.raw);
    if (!authorized.ok) {
      const user = apiRoute?.forUsers ? await tokenGate.identify(request.raw) : undefined;
      if (!user?.ok) {
        gate.countFailure(request.raw);
        return answerRefusal(reply, authorized.error.temporary ? authorized : (user ?? authorized));
      }
      request.reader = user.value;
      return undefined;
    }
    request.callerScope = authorized.value.scope;
    return request.is404 ? answerRefusal(reply, refuse('not_found', 'no such path')) : undefined;
  }

  /** Logs no content, no user and no key. */
  async function note(
    { method, routeOptions, query, headers }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if ((routeOptions.config.apiRoute?.method ?? 'GET') === 'GET') return;
    const nsp = namespaceOf(query);
    const ms = Math.round(reply.elapsedTime);
    const requestId = requestIdOf(headers);
    const about = { requestId, method, route: routeOptions.url, status: reply.statusCode, ms };
    log.info({ ...about, ...(nsp.ok ? { ns: nsp.value } : {}) }, 'API request');
  }

  async function answer(
    { method, path, isComplete, repeats }: ApiRoute,
    call: ApiCall,
    scope: CallScope,
    inTurn: InTurn,
  ): Promise<IdempotentAnswer> {
    const { idempotencyKey, params, content } = call;
    if (idempotencyKey === undefined || repeats === 'itself')
      return { outcome: await inTurn(() => call.run(scope, context)), replayed: false };
    const { idempotency } = context;
    // A permit for each claim only: a retry that waits for the first attempt must not hold a permit meanwhile.
    const claim: IdempotencyStore['claim'] = (...given) => inTurn(() => idempotency.claim(...given));
    return runIdempotent(
      { store: { claim, complete: idempotency.complete }, newId: context.newId, pause },
      {
        key: [scope.scope, scope.nsp, method, path, params, idempotencyKey],
        content: [content],
        run: (operation) => inTurn(() => call.run({ ...scope, operation }, context)),
        isComplete,
      },
    );
  }

  /**
   * Sees every answer to a write, those of the framework to a body that it cannot read included. Requests without a valid key
   * must not push others out of the memory.
   */
  function rememberedAnswersOf(apiRoute: ApiRoute): preSerializationHookHandler {
    return (request, _reply, answered, done) => {
      if (request.callerScope !== '') {
        const nsp = apiRoute.namespaced ? namespaceOf(request.query) : succeed(standard);
        // A namespace that is not served has no messages to look for.
        rememberAnswer(request, apiRoute, nsp.ok ? nsp.value : standard, answered, context.recentAnswers);
      }
      done(null, answered);
    };
  }

  function mount(app: FastifyInstance, apiRoute: ApiRoute): void {
    const { method, path, answers, namespaced, paced } = apiRoute;
    app.route({
      method,
      url: path.slice(API_PREFIX.length),
      config: { apiRoute },
      bodyLimit,
      ...(method === 'GET' ? {} : { preSerialization: rememberedAnswersOf(apiRoute) }),
      async handler(request, reply) {
        // The stream of a HEAD would have no end, or cost as much as that of a GET.
        if (isStreamed(answers) && request.method === 'HEAD') return reply.type(MEDIA[answers]).send();
        const outerSocket = innerRequests.outerSocket(request);
        if (outerSocket && apiRoute.alone) {
          return answerRefusal(reply, refuse('bad_request', 'path: cannot be part of a batch'));
        }
        const nsp = namespaced ? namespaceOf(request.query) : succeed(standard);
        if (!nsp.ok) return answerRefusal(reply, nsp);
        const call = apiRoute.read(request);
        if (!call.ok) return answerRefusal(reply, call);
        const { callerScope: scope, reader } = request;
        const scopes = { nsp: nsp.value, scope, reader, runInner: innerRequests.run(app, request) };
        // Requests of a batch take turns with the others of its connection.
        const client = outerSocket ?? request.raw.socket;
        const inTurn: InTurn = (task) => (paced ? context.admission.run(client, task) : task());
        const { outcome, replayed } = await answer(apiRoute, call.value, scopes, inTurn);
        request.replayed = replayed;
        if (!outcome.ok) return answerRefusal(reply, outcome);
        if (isStreamed(answers)) {
          (outcome.value as StartStream)(reply.hijack().raw);
          return reply;
        }
        if (answers === 'text') reply.type('text/plain; charset=utf-8');
        return reply.send(outcome.value);
      },
    });
  }

  function mountOtherMethods(app: FastifyInstance, path: string): void {
    const known: string[] = routes.filter((route) => route.path === path).map(({ method }) => method);
    if (known.includes('GET')) known.push('HEAD');
    const notAllowed = async (_request: FastifyRequest, reply: FastifyReply) => {
      reply.header('Allow', known.join(', '));
      return answerRefusal(reply, refuse('bad_request', `method: must be ${known.join(' or ')}`), 405);
    };
    app.route({
      method: app.supportedMethods.filter((method) => !known.includes(method)),
      url: path.slice(API_PREFIX.length),
      onRequest: notAllowed,
      handler: notAllowed,
    });
  }

  return async (app) => {
    app.decorateRequest('callerScope', '');
    app.decorateRequest('reader', undefined);
    app.decorateRequest('replayed', false);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit },
      async (_request: FastifyRequest, body: string) => parseJson(body),
    );
    app.addHook('onRequest', admit);
    app.addHook('onResponse', note);
    app.setNotFoundHandler((_request, reply) => answerRefusal(reply, refuse('not_found', 'no such path')));
    for (const apiRoute of routes) if (!apiRoute.schemas.form) mount(app, apiRoute);
    for (const path of new Set(routes.map((apiRoute) => apiRoute.path))) mountOtherMethods(app, path);
    // The form parser has a scope of its own: no other route accepts forms.
    await app.register(async (scope) => {
      await scope.register(formbody, { bodyLimit, parser: (text) => ({ ...pushOfForm(text) }) });
      for (const apiRoute of routes) if (apiRoute.schemas.form) mount(scope, apiRoute);
    });
  };
}

/** Without the parameter `ns`, a request is about the standard namespace. */
function createNamespaceChoice(namespaces: readonly string[]) {
  const standard = namespaces.includes('/') ? '/' : (namespaces[0] ?? '/');

  return {
    standard,
    namespaceOf(query: unknown): Outcome<string> {
      const { ns: given } = query as { readonly ns?: unknown };
      const ns = given || standard;
      if (typeof ns !== 'string') return refuse('bad_request', 'ns: must be given once');
      return namespaces.includes(ns) ? succeed(ns) : refuse('not_found', 'ns: is not served here');
    },
  };
}

/** Allows `__proto__` as a name: no request is merged into an object of ours. */
function parseJson(text: string): unknown {
  // Some programs declare JSON also where they send no body.
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw Object.assign(new Error('payload: must be JSON'), { statusCode: 400 });
  }
}

/** JSON may spell a character of one byte as `\u0061`, in six. */
const MAX_BYTES_PER_BYTE = 6;
const OTHER_FIELDS_BYTES = 65_536;

function maxBodyBytes(maxTextBytes: number): number {
  const users = MAX_PUSH_USERS * (MAX_ID_BYTES * MAX_BYTES_PER_BYTE + '"",'.length);
  return users + maxTextBytes * JSON_BYTES_PER_TEXT_BYTE * MAX_BYTES_PER_BYTE + OTHER_FIELDS_BYTES;
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FastifyRequest, fastify } from 'fastify';
import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { createApiAuthenticator } from '../auth/api-keys.ts';
import { createKeyFailures, type KeyFailuresDeps } from '../auth/key-failures.ts';
import { createTokenGate, type TokenGateDeps } from '../auth/token-gate.ts';
import type { Metrics } from '../metrics.ts';
import type { ApiContext } from './api-context.ts';
import { API_PREFIX, createApi } from './api-plugin.ts';
import { type PageFilesOptions, servePageFiles } from './page-files.ts';
import { answerFrameworkError, answerRefusal, type FrameworkError } from './refusal-answers.ts';

export interface HttpDeps extends TokenGateDeps, PageFilesOptions {
  readonly namespaces: readonly string[];
  /** Each of them opens the API and the metrics. */
  readonly apiKeys: readonly string[];
  readonly addresses: KeyFailuresDeps['addresses'];
  readonly version: string;
  readonly api: ApiContext;
  /** Returns whether this worker can serve. */
  readonly ready: () => Outcome<void>;
  /** The number of the store's servers that are away, although this worker is ready. */
  readonly awayServers: () => number;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly log: Logger;
}

/** The routes that a worker serves beside Socket.IO: page, stock client, health, API. */
export interface HttpRoutes {
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

/** Room for the longest id in percent encoding, so that the id's own check refuses a longer one and not `not_found`. */
const MAX_PARAM_CHARS = 16_384;

export async function openHttp(deps: HttpDeps): Promise<HttpRoutes & Sized> {
  const { namespaces, version, ready, awayServers, metrics, log } = deps;
  const keyFailures = createKeyFailures({ ...deps, now: () => performance.now() });
  const gate = createApiAuthenticator(deps.apiKeys, keyFailures);

  /** Used by routes that nothing but a key opens. */
  function authorize({ raw }: FastifyRequest): Outcome<unknown> {
    const authorized = gate.authorize(raw);
    if (!authorized.ok) gate.countFailure(raw);
    return authorized;
  }

  const app = fastify({
    logger: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    frameworkErrors(error, request, reply) {
      // The framework calls no hook of the API for a malformed URL.
      const authorized = isOfApi(request) ? authorize(request) : succeed(undefined);
      void answerRefusal(reply, authorized.ok ? refuse('bad_request', error.message) : authorized);
    },
  });

  app.addHook('onSend', async (_request, reply) => {
    reply.header('X-Content-Type-Options', 'nosniff').header('Referrer-Policy', 'no-referrer');
  });
  app.setNotFoundHandler((request, reply) =>
    answerRefusal(reply, refuse('not_found', `${request.method}: no such path`)),
  );
  app.setErrorHandler((error: FrameworkError, request, reply) => {
    const answered = answerFrameworkError(reply, error);
    if (answered) return answered;
    log.error({ err: error, route: request.routeOptions.url }, 'an HTTP request failed');
    return answerRefusal(reply, refuse('internal', 'internal error'));
  });

  await servePageFiles(app, deps);
  app.get('/healthz', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const state = ready();
    if (!state.ok) return answerRefusal(reply, state);
    const away = awayServers();
    // Their addresses stand on the admin port only: this one may be open to anybody.
    return { ok: true, ...(away > 0 && { degraded: [`${away} of the store's servers away`] }) };
  });
  app.get('/metrics', async (request, reply) => {
    const authorized = authorize(request);
    if (!authorized.ok) return answerRefusal(reply, authorized);
    return reply.type(metrics.contentType).send(await metrics.text());
  });
  const api = createApi({
    gate,
    tokenGate: createTokenGate(deps),
    namespaces,
    version,
    context: deps.api,
    log,
  });
  await app.register(api, { prefix: API_PREFIX });
  await app.ready();
  return {
    sizes: () => ({ keyFailures: keyFailures.sizes() }),
    handle: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}

function isOfApi({ url }: FastifyRequest): boolean {
  const [, first = ''] = url.split(/[/?]/, 2);
  // Decoded as the router does it, which takes %61 for an a.
  return (
    first.replace(/%[0-7][0-9a-f]/gi, (code) => String.fromCharCode(Number(`0x${code.slice(1)}`))) === 'api'
  );
}

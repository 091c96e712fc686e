import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { type FastifyReply, fastify } from 'fastify';
import type { Logger } from 'pino';
import { type ErrorCode, type Outcome, refuse } from '../protocol/codes.ts';
import { isLocalProgram } from './local-programs.ts';
import type { Metrics } from './metrics.ts';

export interface HttpDeps {
  readonly pageDir: string;
  readonly socketPath: string;
  /** Whether this worker can serve. */
  readonly ready: () => Outcome<void>;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly log: Logger;
}

/** What the page may do: its own scripts and styles, sockets to any worker, pictures that people name as avatars. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' https: data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const SOCKET_PATH_META = /(<meta name="roomcast-socket-path" content=")[^"]*(")/;

const STATUS: { readonly [C in ErrorCode]: number } = {
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

/** What a refusal of the framework means. */
const CODE: { readonly [status: number]: ErrorCode } = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  413: 'too_large',
  429: 'rate_limited',
};

/** Everything a worker serves beside Socket.IO: page, stock client, health. */
export interface HttpRoutes {
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

export async function openHttp({ pageDir, socketPath, ready, metrics, log }: HttpDeps): Promise<HttpRoutes> {
  const app = fastify({
    logger: false,
    frameworkErrors: (error, _request, reply) => answer(reply, refuse('bad_request', error.message)),
  });
  const html = (await readFile(join(pageDir, 'index.html'), 'utf8')).replace(
    SOCKET_PATH_META,
    (_all, before: string, after: string) => `${before}${socketPath}${after}`,
  );

  app.addHook('onSend', async (_request, reply) => {
    reply.header('X-Content-Type-Options', 'nosniff').header('Referrer-Policy', 'no-referrer');
  });
  app.setNotFoundHandler((request, reply) =>
    answer(reply, refuse('not_found', `${request.method} here is nothing`)),
  );
  app.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return answer(reply, refuse(CODE[error.statusCode] ?? 'bad_request', error.message));
    }
    log.error({ err: error }, 'an HTTP request failed');
    return answer(reply, refuse('internal', 'something went wrong here'));
  });

  const page = (_request: unknown, reply: FastifyReply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('Content-Security-Policy', PAGE_POLICY)
      .header('Cache-Control', 'no-cache')
      .send(html);
  app.get('/', page);
  app.get('/chart.html', page);
  await app.register(fastifyStatic, {
    root: join(pageDir, 'assets'),
    prefix: '/assets/',
    immutable: true,
    maxAge: '365d',
    index: false,
  });
  const sdk = await readFile(join(pageDir, 'sdk.js'), 'utf8');
  app.get('/sdk.js', (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').header('Cache-Control', 'no-cache').send(sdk),
  );
  await app.register(fastifyStatic, {
    root: stockClientDir(),
    prefix: socketPath,
    decorateReply: false,
    index: false,
    wildcard: false,
  });

  app.get('/healthz', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const state = ready();
    return state.ok ? { ok: true } : answer(reply, state);
  });
  app.get('/metrics', async (request, reply) => {
    if (!isLocalProgram(request.raw))
      return answer(reply, refuse('forbidden', 'only for programs of this machine'));
    return reply.type(metrics.contentType).send(await metrics.text());
  });
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}

function answer(reply: FastifyReply, { error }: { error: { code: ErrorCode } }): FastifyReply {
  return reply.status(STATUS[error.code]).send({ error });
}

function stockClientDir(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('socket.io/package.json')), 'client-dist');
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, refuse } from '../protocol/codes.ts';
import { isFromOtherOrigin, isNameOfOurs } from './own-pages.ts';
import type { PageFiles } from './page-files.ts';
import type { HostView } from './view.ts';
import type { WorkerApi } from './worker-api.ts';

export interface OperatorRoutesDeps {
  /** `ADMIN_HOST` */
  readonly adminHost: string;
  readonly files: PageFiles;
  readonly view: () => Promise<HostView>;
  readonly api: WorkerApi;
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The requests of the HTTP API that the page needs. Everything else of the API is the workers' own. */
const FORWARDED = [
  ['GET', '/api/v1/rooms'],
  ['GET', '/api/v1/rooms/:roomid'],
  ['GET', '/api/v1/rooms/:roomid/members'],
  ['GET', '/api/v1/rooms/:roomid/messages'],
  ['DELETE', '/api/v1/rooms/:roomid/messages/:seq'],
  ['POST', '/api/v1/rooms/:roomid/kick'],
  ['POST', '/api/v1/rooms/:roomid/mute'],
  ['DELETE', '/api/v1/rooms/:roomid/mute/:userId'],
  ['POST', '/api/v1/rooms/:roomid/ban'],
  ['DELETE', '/api/v1/rooms/:roomid/ban/:userId'],
] as const;
const MAX_BODY_BYTES = 16_384;

/** The operator's page on the admin listener. What changes something, and what names a user, needs an API key. */
export function operatorRoutes(deps: OperatorRoutesDeps): (app: FastifyInstance) => Promise<void> {
  const { adminHost, files, view, api } = deps;

  async function guard({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    reply
      .header('X-Content-Type-Options', 'nosniff')
      .header('Referrer-Policy', 'no-referrer')
      .header('Cache-Control', 'no-store');
    if (!isNameOfOurs(headers.host, adminHost))
      return answerError(
        reply,
        403,
        'forbidden',
        'Host: open this page by an address or a name without a dot',
      );
    if (isFromOtherOrigin(headers))
      return answerError(reply, 403, 'forbidden', 'Origin: only for the page of this listener');
    return undefined;
  }

  async function forward(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { method, headers, url, body } = request;
    const key = headers['x-api-key'];
    if (typeof key !== 'string' || key === '')
      return answerError(reply, 401, 'unauthorized', 'X-API-Key: an API key must be given');
    const answered = await api({
      method,
      path: url,
      key,
      ...(body === undefined || body === null ? {} : { body: JSON.stringify(body) }),
    });
    if (!answered.ok) return reply.code(503).send({ error: answered.error });
    return reply
      .code(answered.value.status)
      .type('application/json; charset=utf-8')
      .send(answered.value.body);
  }

  return async (app) => {
    app.addHook('onRequest', guard);
    // A form of another page can send text, but no JSON.
    app.removeContentTypeParser('text/plain');
    app.get('/', (_request, reply) =>
      reply.type('text/html; charset=utf-8').header('Content-Security-Policy', POLICY).send(files.document),
    );
    for (const [path, { type, content }] of files.assets) {
      app.get(path, (_request, reply) =>
        reply.type(type).header('Cache-Control', 'public, max-age=31536000, immutable').send(content),
      );
    }
    app.get('/view.json', view);
    for (const [method, url] of FORWARDED)
      app.route({ method, url, bodyLimit: MAX_BODY_BYTES, handler: forward });
  };
}

function answerError(reply: FastifyReply, status: number, code: ErrorCode, message: string): FastifyReply {
  return reply.code(status).send({ error: refuse(code, message).error });
}

import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { hostNameOf, hostNameOfOrigin, isLoopbackName } from '../host-names.ts';
import { type ErrorCode, type Outcome, refuse } from '../protocol/codes.ts';
import { enableLingeringClose } from './lingering-close.ts';
import type { Readiness } from './readiness.ts';
import { createAuthorityCheck } from './request-authority.ts';

export interface AdminDeps {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  readonly readiness: () => Promise<Readiness>;
  readonly status: () => Promise<object>;
  /** Returns what `/status?debug` says beside the status. */
  readonly debug?: () => Promise<object>;
  /** Begins a rolling reload; /status tells how it goes. */
  readonly reload: () => Outcome<{ readonly id: number }>;
  /** Returns what became of a message, named by the query of a POST. */
  readonly explain?: (query: unknown) => Promise<Outcome<object>>;
  /** The operator's page, behind the same check of who asks. */
  readonly page?: ((app: FastifyInstance) => Promise<void>) | undefined;
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

/** Room for the longest id in percent encoding, as a worker's routes have. */
const MAX_PARAM_CHARS = 16_384;

/** The primary's own listener, for people and programs on this machine. It asks for no key. */
export async function openAdmin(deps: AdminDeps): Promise<Admin> {
  const { log } = deps;
  const app = fastify({
    logger: false,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
  });

  const faultOf = createAuthorityCheck();
  const listensBeyond = !isLoopbackName(deps.host);
  // Without a key, a web page in the operator's browser could read this by giving its own name our address (DNS
  // rebinding). Such a request carries that name as Host; a request from a page elsewhere carries its Origin. Where
  // the operator lets other machines in, this machine has names that nobody here knows: chat1, its name in the DNS.
  app.addHook('onRequest', async (request, reply) => {
    const fault = faultOf(request.raw);
    if (fault !== undefined) return reply.code(400).send(errorBody('bad_request', fault));
    const host = hostNameOf(request.headers.host ?? '');
    const { origin } = request.headers;
    const ownName = listensBeyond || (host !== undefined && isLoopbackName(host));
    const from = origin !== undefined && /^https?:/i.test(origin) ? hostNameOfOrigin(origin) : undefined;
    const ownPage = origin === undefined || (from !== undefined && (from === host || isLoopbackName(from)));
    if (ownName && ownPage) return undefined;
    return reply.code(403).send(errorBody('forbidden', 'only for programs of this machine'));
  });

  app.setNotFoundHandler((_request, reply) => reply.code(404).send(errorBody('not_found', 'no such page')));
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status < 500)
      return reply.code(status).send(errorBody('bad_request', 'the request cannot be understood'));
    log.error({ err: error }, 'admin request failed');
    return reply.code(500).send(errorBody('internal', 'the answer is not available'));
  });

  app.get('/healthz', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const { reasons, warnings, away } = await deps.readiness();
    const degraded = away.length > 0 && { degraded: away.map((server) => `${server} is away`) };
    if (reasons.length === 0) return { ok: true, warnings, ...degraded };
    const refused = errorBody('unavailable', reasons.join('; '));
    return reply.code(503).send({ ...refused, reasons, warnings, ...degraded });
  });
  app.get('/status', async ({ query }) => {
    const status = await deps.status();
    const asksDebug = Object.hasOwn(query as object, 'debug');
    return deps.debug && asksDebug ? { ...status, debug: await deps.debug() } : status;
  });
  // Reading may be open to a network; changing is for programs of this machine, which could send a signal as well. A
  // browser gives every POST an Origin: a page that another server of this machine sent must not reload.
  app.post('/reload', async (request, reply) => {
    if (!isFromProgramHere(request))
      return reply.code(403).send(errorBody('forbidden', 'only for programs of this machine'));
    const requested = deps.reload();
    if (requested.ok) return reply.code(202).send(requested.value);
    return reply.code(503).send({ error: requested.error });
  });
  const { metrics, explain, page } = deps;
  if (page) await app.register(page);
  if (explain) {
    // It names users, as /status does not. A browser gives a GET of a page's own server no Origin, so a page that gave its
    // own name our address could read the answer.
    app.post('/explain', async (request, reply) => {
      if (!isFromProgramHere(request))
        return reply.code(403).send(errorBody('forbidden', 'only for programs of this machine'));
      const explained = await explain(request.query);
      if (explained.ok) return explained.value;
      return reply.code(STATUS_OF[explained.error.code] ?? 503).send({ error: explained.error });
    });
  }
  if (metrics) {
    app.get('/metrics', async (_request, reply) => {
      const { contentType, text } = await metrics();
      return reply.type(contentType).send(text);
    });
  }

  enableLingeringClose(app.server);
  await app.listen({ host: deps.host, port: deps.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : deps.port,
    close: () => app.close(),
  };
}

/** A browser gives every POST of a page an Origin. A program here that asks one of our other addresses has it as its own. */
function isFromProgramHere({ headers, socket }: FastifyRequest): boolean {
  const { remoteAddress = '', localAddress } = socket;
  const isHere = remoteAddress === localAddress || isLoopbackName(remoteAddress.replace(/^::ffff:/, ''));
  return headers.origin === undefined && isHere;
}

const STATUS_OF: Partial<Record<ErrorCode, number>> = { bad_request: 400, not_found: 404, internal: 500 };

const errorBody = (code: ErrorCode, message: string) => ({ error: refuse(code, message).error });

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

export interface PageFilesOptions {
  readonly pageDir: string;
  readonly socketPath: string;
}

/** Content Security Policy: the page's own scripts and styles, sockets to any worker, avatars from anywhere. */
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

/** The page with its files, the SDK and the stock client. */
export async function servePageFiles(app: FastifyInstance, options: PageFilesOptions): Promise<void> {
  const { pageDir, socketPath } = options;
  const html = (await readFile(join(pageDir, 'index.html'), 'utf8')).replace(
    SOCKET_PATH_META,
    (_all, before: string, after: string) => `${before}${socketPath}${after}`,
  );
  const page = (_request: unknown, reply: FastifyReply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('Content-Security-Policy', PAGE_POLICY)
      .header('Cache-Control', 'no-cache')
      .send(html);
  app.get('/', page);
  app.get('/chart.html', page);
  // The page itself reads the room out of its address.
  app.get('/r/:roomid', page);
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
    root: join(pageDir, 'stock-client'),
    prefix: socketPath,
    decorateReply: false,
    index: false,
    wildcard: false,
  });
}

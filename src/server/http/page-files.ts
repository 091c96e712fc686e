import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeStaticFile, readStaticFiles, type StaticFile, sendStaticFile } from './static-files.ts';

export interface PageFilesOptions {
  readonly pageDir: string;
  readonly socketPath: string;
  /** `EMBED_ORIGINS`: whose pages may show the page in a frame. */
  readonly embedOrigins: readonly string[] | '*' | undefined;
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
];

/** Only `frame-ancestors` can allow a frame to some sites; browsers that do not know it obey the other header. */
function framingHeaders(embedOrigins: PageFilesOptions['embedOrigins']): Readonly<Record<string, string>> {
  const origins = embedOrigins === '*' ? ['*'] : embedOrigins;
  const ancestors = origins === undefined ? "'none'" : ["'self'", ...origins].join(' ');
  return {
    'Content-Security-Policy': [...PAGE_POLICY, `frame-ancestors ${ancestors}`].join('; '),
    ...(embedOrigins === undefined ? { 'X-Frame-Options': 'DENY' } : {}),
  };
}

const SOCKET_PATH_META = /(<meta name="roomcast-socket-path" content=")[^"]*(")/;
const ONE_YEAR_S = 31_536_000;

/** The page with its files, the SDK and the stock client. */
export async function servePageFiles(app: FastifyInstance, options: PageFilesOptions): Promise<void> {
  const { pageDir, socketPath } = options;
  const headers = { ...framingHeaders(options.embedOrigins), 'Cache-Control': 'no-cache' };
  const files = await readStaticFiles(pageDir);
  const fileNamed = (name: string): StaticFile => {
    const file = files.get(name);
    if (!file) throw new Error(`${pageDir} has no ${name}`);
    return file;
  };
  const html = fileNamed('index.html')
    .plain.bytes.toString()
    .replace(SOCKET_PATH_META, (_all, before: string, after: string) => `${before}${socketPath}${after}`);
  const page = await encodeStaticFile('.html', html);
  const sendPage = (request: FastifyRequest, reply: FastifyReply) =>
    sendStaticFile(request, reply.headers(headers), page);
  app.get('/', sendPage);
  app.get('/chart.html', sendPage);
  // The page itself reads the room out of its address.
  app.get('/r/:roomid', sendPage);

  function serve(path: string, file: StaticFile, more: Readonly<Record<string, string>>): void {
    app.get(path, (request, reply) => sendStaticFile(request, reply.headers(more), file));
  }
  for (const [name, file] of await readStaticFiles(join(pageDir, 'assets'))) {
    // The name contains a hash of the content.
    serve(`/assets/${name}`, file, { 'Cache-Control': `public, max-age=${ONE_YEAR_S}, immutable` });
  }
  for (const [name, file] of await readStaticFiles(join(pageDir, 'stock-client'))) {
    serve(`${socketPath}${name}`, file, { 'Cache-Control': 'no-cache' });
  }
  serve('/sdk.js', fileNamed('sdk.js'), {
    'Cache-Control': 'no-cache',
    // Pages of other sites import it as a module, also those that are isolated (COEP).
    'Access-Control-Allow-Origin': '*',
    'Cross-Origin-Resource-Policy': 'cross-origin',
  });
}

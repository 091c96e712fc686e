import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeStaticFile, readStaticFiles, type StaticFile, sendStaticFile } from './static-files.ts';

export interface PageFilesOptions {
  readonly pageDir: string;
  readonly socketPath: string;
  /** `EMBED_ORIGINS`: whose pages may show the page in a frame. */
  readonly embedOrigins: readonly string[] | '*' | undefined;
  /** `AVATAR_ORIGINS`: whose pictures the page may load. */
  readonly avatarOrigins: readonly string[] | '*' | undefined;
}

/** Content Security Policy: the page's own scripts and styles, and sockets to any worker. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'self'",
];

/** Only `frame-ancestors` can allow a frame to some sites; browsers that do not know it obey the other header. */
function policyHeaders({
  embedOrigins,
  avatarOrigins,
}: Pick<PageFilesOptions, 'embedOrigins' | 'avatarOrigins'>): Readonly<Record<string, string>> {
  const origins = embedOrigins === '*' ? ['*'] : embedOrigins;
  const ancestors = origins === undefined ? "'none'" : ["'self'", ...origins].join(' ');
  const pictures = avatarOrigins === '*' ? ['https:'] : (avatarOrigins ?? []);
  return {
    'Content-Security-Policy': [
      ...PAGE_POLICY,
      ["img-src 'self' data:", ...pictures].join(' '),
      `frame-ancestors ${ancestors}`,
    ].join('; '),
    ...(embedOrigins === undefined ? { 'X-Frame-Options': 'DENY' } : {}),
  };
}

const ONE_YEAR_S = 31_536_000;

/** The page with its files, the SDK and the stock client. */
export async function servePageFiles(app: FastifyInstance, options: PageFilesOptions): Promise<void> {
  const { pageDir, socketPath, avatarOrigins } = options;
  const headers = { ...policyHeaders(options), 'Cache-Control': 'no-cache' };
  const files = await readStaticFiles(pageDir);
  const fileNamed = (name: string): StaticFile => {
    const file = files.get(name);
    if (!file) throw new Error(`${pageDir} has no ${name}`);
    return file;
  };
  const html = withMeta(fileNamed('index.html').plain.bytes.toString(), {
    'roomcast-socket-path': socketPath,
    'roomcast-avatar-origins': avatarOrigins === '*' ? '*' : (avatarOrigins ?? []).join(' '),
  });
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

/** Sets what the page reads from its `meta` elements. The grammar of the settings allows no character that HTML would need escaped. */
function withMeta(html: string, contents: Readonly<Record<string, string>>): string {
  return Object.entries(contents).reduce(
    (text, [name, content]) =>
      text.replace(
        new RegExp(`(<meta name="${name}" content=")[^"]*(")`),
        (_all, before: string, after: string) => `${before}${content}${after}`,
      ),
    html,
  );
}

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type FastifyInstance, fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compressFiles } from '../../../deploy/compress.mjs';
import { type PageFilesOptions, servePageFiles } from '../../../src/server/http/page-files.ts';

const HTML =
  '<!doctype html><meta name="roomcast-socket-path" content="/socket.io/"><meta name="roomcast-avatar-origins" content="">';
const SERVED_HTML = HTML.replace('/socket.io/', '/ws/');
const SCRIPT = 'export const answer = 42;\n'.repeat(40);
const STYLE = 'p { margin: 0 }\n'.repeat(40);
const PLAIN = { 'accept-encoding': '' };

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
};

let pageDir: string;
let app: FastifyInstance;

async function open(
  dir: string,
  { embedOrigins, avatarOrigins }: Partial<PageFilesOptions> = {},
): Promise<FastifyInstance> {
  const opened = fastify({ routerOptions: { maxParamLength: 16_384 } });
  await servePageFiles(opened, { pageDir: dir, socketPath: '/ws/', embedOrigins, avatarOrigins });
  await opened.ready();
  return opened;
}

async function ask(url: string, headers: Readonly<Record<string, string>> = {}) {
  const { statusCode, headers: answered, rawPayload } = await app.inject({ url, headers });
  const { 'content-encoding': coding, etag, vary, ...rest } = answered;
  const body = (DECODERS[String(coding)] ?? ((bytes) => bytes))(rawPayload).toString();
  return {
    status: statusCode,
    coding,
    etag: String(etag),
    vary,
    headers: rest,
    bytes: rawPayload.length,
    body,
  };
}

beforeAll(async () => {
  pageDir = await mkdtemp(join(tmpdir(), 'roomcast-page-'));
  for (const folder of ['assets', 'stock-client']) await mkdir(join(pageDir, folder));
  await writeFile(join(pageDir, 'index.html'), HTML);
  await writeFile(join(pageDir, 'sdk.js'), SCRIPT);
  await writeFile(join(pageDir, 'assets', 'app-ABCDEFGH.js'), SCRIPT);
  await writeFile(join(pageDir, 'assets', 'app-ABCDEFGH.css'), STYLE);
  await writeFile(join(pageDir, 'stock-client', 'socket.io.js'), SCRIPT);
  await writeFile(join(pageDir, 'stock-client', 'socket.io.js.map'), '{}');
  await compressFiles(pageDir);
  app = await open(pageDir);
});
afterAll(async () => {
  await app.close();
  await rm(pageDir, { recursive: true, force: true });
});

describe('the page', () => {
  it('is the same at each of its addresses', async () => {
    const front = await app.inject({ url: '/' });
    expect(front.body).toBe(SERVED_HTML);
    const others = [
      '/?roomid=tea',
      '/chart.html?name=Ann',
      '/r/tea',
      '/r/%E8%8C%B6%20%26%20cake',
      '/r/a%2Fb',
    ];
    for (const url of others) {
      const { statusCode, body, headers } = await app.inject({ url });
      const { date: _date, ...rest } = headers;
      const { date: _then, ...expected } = front.headers;
      expect([url, statusCode, body, rest]).toEqual([url, 200, front.body, expected]);
    }
  });

  it('is not below the address of a room', async () => {
    for (const url of ['/r', '/r/tea/', '/r/tea/more', '/r/tea/assets/app-ABCDEFGH.js']) {
      expect([url, (await app.inject({ url })).statusCode]).toEqual([url, 404]);
    }
  });
});

describe('a file of the page', () => {
  const FILES = [
    ['/', SERVED_HTML, 'text/html; charset=utf-8', 'no-cache'],
    [
      '/assets/app-ABCDEFGH.js',
      SCRIPT,
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
    ],
    ['/assets/app-ABCDEFGH.css', STYLE, 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/sdk.js', SCRIPT, 'text/javascript; charset=utf-8', 'no-cache'],
    ['/ws/socket.io.js', SCRIPT, 'text/javascript; charset=utf-8', 'no-cache'],
  ] as const;

  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['BR', 'br'],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['br;q=0.0,gzip; q=0', undefined],
    ['identity', undefined],
    ['brx', undefined],
    ['', undefined],
  ])('is sent to a client that accepts %j as %s', async (accepted, coding) => {
    for (const [url, text, type, caching] of FILES) {
      const answer = await ask(url, { 'accept-encoding': accepted });
      expect([url, answer.status, answer.coding, answer.body]).toEqual([url, 200, coding, text]);
      expect(answer.headers).toMatchObject({
        'content-type': type,
        'cache-control': caching,
        'content-length': `${answer.bytes}`,
      });
      expect(answer.vary).toBe('Accept-Encoding');
    }
  });

  it('has a tag for each encoding, by which a client that has it gets nothing', async () => {
    for (const [url, , , caching] of FILES) {
      const tags = new Set<string>();
      for (const coding of ['br', 'gzip', '']) {
        const accepts = { 'accept-encoding': coding };
        const { etag } = await ask(url, accepts);
        expect(etag).toMatch(/^"[\w-]+"$/);
        tags.add(etag);
        for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
          const again = await ask(url, { ...accepts, 'if-none-match': held });
          expect([url, again.status, again.bytes, again.etag, again.vary]).toEqual([
            url,
            304,
            0,
            etag,
            'Accept-Encoding',
          ]);
          expect(again.headers['cache-control']).toBe(caching);
        }
        expect((await ask(url, { ...accepts, 'if-none-match': '"other"' })).status).toBe(200);
      }
      expect(tags.size).toBe(3);
    }
  });

  it('has a tag by its content alone, so that two hosts agree', async () => {
    const before = await Promise.all(FILES.map(async ([url]) => (await ask(url, PLAIN)).etag));
    const copy = await open(pageDir);
    try {
      const after = await Promise.all(
        FILES.map(async ([url]) => (await copy.inject({ url, headers: PLAIN })).headers.etag),
      );
      expect(after).toEqual(before);
      expect(new Set(before).size).toBe(3);
    } finally {
      await copy.close();
    }
  });

  it('is sent whole to a client that asks for a part of it', async () => {
    for (const accepted of ['br', '']) {
      const answer = await ask('/sdk.js', { 'accept-encoding': accepted, range: 'bytes=0-9' });
      expect([answer.status, answer.body, answer.headers['content-range']]).toEqual([200, SCRIPT, undefined]);
    }
  });

  it('answers HEAD with the headers of GET', async () => {
    for (const [url] of FILES) {
      const headers = { 'accept-encoding': 'br' };
      const got = await app.inject({ url, headers });
      const head = await app.inject({ method: 'HEAD', url, headers });
      const { date: _date, ...expected } = got.headers;
      const { date: _then, ...rest } = head.headers;
      expect([url, head.statusCode, head.rawPayload.length, rest]).toEqual([url, 200, 0, expected]);
    }
  });

  it('is not to be had under the name of an encoding, nor outside the folders', async () => {
    for (const url of [
      '/sdk.js.br',
      '/assets/app-ABCDEFGH.js.gz',
      '/assets/',
      '/assets/%2e%2e%2fsdk.js',
      '/ws/nothing.js',
    ]) {
      expect([url, (await app.inject({ url })).statusCode]).toEqual([url, 404]);
    }
  });
});

it('lets pages of every site load the SDK, and nothing else', async () => {
  const allowed = async (url: string) => {
    const { headers } = await ask(url, { origin: 'https://shop.example' });
    return [headers['access-control-allow-origin'], headers['cross-origin-resource-policy']];
  };
  expect(await allowed('/sdk.js')).toEqual(['*', 'cross-origin']);
  for (const url of ['/', '/assets/app-ABCDEFGH.js', '/ws/socket.io.js'])
    expect(await allowed(url)).toEqual([undefined, undefined]);
});

describe('EMBED_ORIGINS', () => {
  it.each([
    [undefined, "'none'", 'DENY'],
    [
      ['https://shop.example', 'https://*.example.org'],
      "'self' https://shop.example https://*.example.org",
      undefined,
    ],
    ['*', "'self' *", undefined],
  ] as const)('%j: the page may be framed by %s', async (embedOrigins, ancestors, older) => {
    const opened = await open(pageDir, { embedOrigins });
    try {
      for (const url of ['/', '/r/tea?embed=1']) {
        const { headers } = await opened.inject({ url });
        const policy = String(headers['content-security-policy']).split('; ');
        expect(policy.filter((part) => part.startsWith('frame-ancestors'))).toEqual([
          `frame-ancestors ${ancestors}`,
        ]);
        expect(policy).toContain("script-src 'self'");
        expect(headers['x-frame-options']).toBe(older);
      }
    } finally {
      await opened.close();
    }
  });
});

describe('AVATAR_ORIGINS', () => {
  it.each([
    [undefined, "'self' data:", ''],
    [
      ['https://cdn.example', 'https://*.example.org'],
      "'self' data: https://cdn.example https://*.example.org",
      'https://cdn.example https://*.example.org',
    ],
    ['*', "'self' data: https:", '*'],
  ] as const)('%j: the browser loads pictures from %s only', async (avatarOrigins, sources, told) => {
    const opened = await open(pageDir, { avatarOrigins });
    try {
      const { headers, body } = await opened.inject({ url: '/' });
      const policy = String(headers['content-security-policy']).split('; ');
      expect(policy.filter((part) => /^(img|default)-src/.test(part))).toEqual([
        "default-src 'none'",
        `img-src ${sources}`,
      ]);
      expect(body).toContain(`<meta name="roomcast-avatar-origins" content="${told}">`);
    } finally {
      await opened.close();
    }
  });
});

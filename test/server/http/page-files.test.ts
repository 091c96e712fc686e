import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FastifyInstance, fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servePageFiles } from '../../../src/server/http/page-files.ts';

const HTML = '<!doctype html><meta name="roomcast-socket-path" content="/socket.io/">';

let pageDir: string;
beforeAll(async () => {
  pageDir = await mkdtemp(join(tmpdir(), 'roomcast-page-'));
  for (const folder of ['assets', 'stock-client']) await mkdir(join(pageDir, folder));
  await writeFile(join(pageDir, 'index.html'), HTML);
  await writeFile(join(pageDir, 'sdk.js'), 'export {};');
});
afterAll(() => rm(pageDir, { recursive: true, force: true }));

describe('the files of the page', () => {
  let app: FastifyInstance;
  beforeAll(async () => {
    app = fastify({ routerOptions: { maxParamLength: 16_384 } });
    await servePageFiles(app, { pageDir, socketPath: '/ws/' });
    await app.ready();
  });
  afterAll(() => app.close());

  it('are one page at each of its addresses, with the same headers', async () => {
    const front = await app.inject({ url: '/' });
    expect(front.body).toBe('<!doctype html><meta name="roomcast-socket-path" content="/ws/">');
    for (const url of [
      '/?roomid=tea',
      '/chart.html?name=Ann',
      '/r/tea',
      '/r/%E8%8C%B6%20%26%20cake',
      '/r/a%2Fb',
    ]) {
      const { statusCode, body, headers } = await app.inject({ url });
      const { date: _date, ...rest } = headers;
      const { date: _then, ...expected } = front.headers;
      expect([url, statusCode, body, rest]).toEqual([url, 200, front.body, expected]);
    }
    expect((await app.inject({ method: 'HEAD', url: '/r/tea' })).statusCode).toBe(200);
  });

  it('are not below the address of a room', async () => {
    for (const url of ['/r', '/r/tea/', '/r/tea/more', '/r/tea/assets/app.js']) {
      expect([url, (await app.inject({ url })).statusCode]).toEqual([url, 404]);
    }
  });
});

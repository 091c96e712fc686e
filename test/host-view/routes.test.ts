import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type Admin, openAdmin } from '../../src/cluster/admin.ts';
import { operatorRoutes } from '../../src/host-view/routes.ts';
import type { HostView } from '../../src/host-view/view.ts';
import { createWorkerApi } from '../../src/host-view/worker-api.ts';
import { succeed } from '../../src/protocol/codes.ts';
import { silentLog } from '../cluster/silent-log.ts';

let admin: Admin | undefined;
let worker: Server | undefined;
afterEach(async () => {
  await admin?.close();
  worker?.close();
});

/** An admin listener with the page, in front of a worker that tells what it is asked. */
async function open(host = '127.0.0.1', serves = true) {
  const asked: string[] = [];
  worker = createServer(async (request, response) => {
    const body = await textOf(request);
    const { method, url, headers } = request;
    asked.push([method, url, headers['x-api-key'], headers['content-type'], body].filter(Boolean).join(' '));
    response.writeHead(headers['x-api-key'] === 'right' ? 200 : 401).end('{"answered":true}');
  });
  await new Promise<void>((resolve) => worker?.listen(0, '127.0.0.1', resolve));
  const { port: workerPort } = worker.address() as AddressInfo;
  admin = await openAdmin({
    host,
    port: 0,
    log: silentLog,
    readiness: async () => ({ reasons: [], warnings: [], away: [] }),
    status: async () => ({ workers: [] }),
    reload: () => succeed({ id: 1 }),
    page: operatorRoutes({
      adminHost: host,
      files: {
        document: Buffer.from('<!doctype html>'),
        assets: new Map([['/view/a.js', { type: 'text/javascript', content: Buffer.from('1') }]]),
      },
      view: async () => ({ host: 'here' }) as HostView,
      api: createWorkerApi({ host: '0.0.0.0', port: () => (serves ? workerPort : undefined) }),
    }),
  });
  const { port } = admin;
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET', body?: string) => {
    const { request } = await import('node:http');
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: string }>((resolve) => {
      const call = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, async (answer) =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: await textOf(answer) }),
      );
      call.end(body);
    });
  };
  return { ask, asked, port };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

it('the page, its files and its numbers need no key, and run nothing that is not of the page', async () => {
  const { ask } = await open();
  const page = await ask('/');
  expect(page.status).toBe(200);
  expect(page.headers['content-security-policy']).toContain("script-src 'self'; style-src 'self';");
  expect(page.headers['content-security-policy']).not.toContain('unsafe');
  expect(await ask('/view/a.js')).toMatchObject({ status: 200, body: '1' });
  expect(await ask('/view.json')).toMatchObject({ status: 200, body: '{"host":"here"}' });
  expect((await ask('/view/b.js')).status).toBe(404);
  expect((await ask('/nothing')).status).toBe(404);
});

it('members, messages and every change go to a worker with the key that came, and not without one', async () => {
  const { ask, asked } = await open();
  const room = '/api/v1/rooms/tea%2F1';
  const key = { 'x-api-key': 'right' };
  const json = { ...key, 'content-type': 'application/json' };
  for (const path of [`${room}/members`, `${room}/messages`, room, '/api/v1/rooms'])
    expect((await ask(path)).status).toBe(401);
  expect((await ask(`${room}/kick`, { 'content-type': 'application/json' }, 'POST', '{}')).status).toBe(401);
  expect(asked).toEqual([]);
  expect(await ask(`${room}/members?ns=%2F&limit=5`, key)).toMatchObject({
    status: 200,
    body: '{"answered":true}',
  });
  expect((await ask(`${room}/kick`, json, 'POST', '{"userId":"ann"}')).status).toBe(200);
  expect((await ask(`${room}/messages/7`, key, 'DELETE')).status).toBe(200);
  expect((await ask(`${room}/members`, { 'x-api-key': 'wrong' })).status).toBe(401);
  expect((await ask('/api/v1/rooms?ns=%2F&limit=100', key)).status).toBe(200);
  expect(asked).toEqual([
    `GET ${room}/members?ns=%2F&limit=5 right`,
    `POST ${room}/kick right application/json {"userId":"ann"}`,
    `DELETE ${room}/messages/7 right`,
    `GET ${room}/members wrong`,
    'GET /api/v1/rooms?ns=%2F&limit=100 right',
  ]);
});

it('it passes on nothing else of the API, and no body that is not JSON', async () => {
  const { ask, asked } = await open();
  const key = { 'x-api-key': 'right' };
  expect((await ask('/api/v1/rooms/tea/readers', key)).status).toBe(404);
  expect((await ask('/api/v1/users/ann', key, 'DELETE')).status).toBe(404);
  expect(
    (await ask('/api/v1/rooms/tea/messages', { ...key, 'content-type': 'application/json' }, 'POST', '{}'))
      .status,
  ).toBe(404);
  const form = { ...key, 'content-type': 'text/plain' };
  expect((await ask('/api/v1/rooms/tea/kick', form, 'POST', '{"userId":"ann"}')).status).toBe(415);
  expect(asked).toEqual([]);
});

it('no page of another origin reads or changes anything, not even one of another port of this machine', async () => {
  const { ask, asked, port } = await open();
  const key = { 'x-api-key': 'right' };
  const foreign: Record<string, string>[] = [
    { origin: 'http://localhost:8080' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of foreign) {
    expect((await ask('/view.json', headers)).status).toBe(403);
    expect((await ask('/api/v1/rooms/tea/members', { ...key, ...headers })).status).toBe(403);
  }
  expect(asked).toEqual([]);
  const own = { ...key, host: `localhost:${port}`, origin: `http://localhost:${port}` };
  expect((await ask('/api/v1/rooms/tea/members', { ...own, 'sec-fetch-site': 'same-origin' })).status).toBe(
    200,
  );
});

it('where other machines may ask, a name of the internet is refused: its page may have been given this address', async () => {
  const { ask } = await open('0.0.0.0');
  for (const host of ['10.0.0.1:5999', '[fe80::1]:5999', 'chat1:5999', 'localhost:5999'])
    expect((await ask('/view.json', { host })).status).toBe(200);
  expect((await ask('/view.json', { host: 'rebound.example:5999' })).status).toBe(403);
  expect(
    (await ask('/api/v1/rooms/tea/members', { host: 'rebound.example', 'x-api-key': 'right' })).status,
  ).toBe(403);
  expect((await ask('/status', { host: 'chat1.example.org' })).status).toBe(200);
});

it('without a worker that serves it says so', async () => {
  const { ask } = await open('127.0.0.1', false);
  const answer = await ask('/api/v1/rooms/tea/members', { 'x-api-key': 'right' });
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.body)).toEqual({
    error: {
      code: 'unavailable',
      message: 'no worker of this host is ready',
      temporary: true,
      retryAfterMs: 1_000,
    },
  });
});

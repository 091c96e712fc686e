import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { type Admin, type AdminDeps, openAdmin } from '../../src/cluster/admin.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { MOST_UPLOADED_BYTES, uploadWithoutEnd } from '../support/endless-upload.ts';
import { silentLog } from './silent-log.ts';

let admin: Admin | undefined;
afterEach(() => admin?.close());

async function open(deps: Partial<AdminDeps> = {}): Promise<Admin> {
  admin = await openAdmin({
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
    readiness: async () => ({ reasons: [], warnings: [], away: [] }),
    status: async () => ({ workers: [] }),
    reload: () => succeed({ id: 1 }),
    ...deps,
  });
  return admin;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(path, headers);
}

function ask(
  path: string,
  headers: Record<string, string> = {},
  { method = 'GET', host = '127.0.0.1' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host, method, port: admin?.port, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    call.on('error', reject);
    call.end();
  });
}

test('it adds the sizes of what the processes keep to a status that asks for them, for the same programs', async () => {
  await open({ debug: async () => ({ primary: { rooms: 3 } }) });
  const body = { workers: [], debug: { primary: { rooms: 3 } } };
  expect(await get('/status?debug')).toEqual({ status: 200, body });
  expect(await get('/status')).toEqual({ status: 200, body: { workers: [] } });
  expect((await get('/status?debug', { host: 'evil.example' })).status).toBe(403);
});

test('it answers that it is alive and ready, and returns the status', async () => {
  await open({ readiness: async () => ({ reasons: [], warnings: ['appendonly is off'], away: [] }) });
  expect(await get('/healthz')).toEqual({ status: 200, body: { ok: true } });
  expect(await get('/readyz')).toEqual({ status: 200, body: { ok: true, warnings: ['appendonly is off'] } });
  expect(await get('/status')).toEqual({ status: 200, body: { workers: [] } });
});

test('not ready is 503 with every reason', async () => {
  await open({
    readiness: async () => ({
      reasons: ['slot 1 is starting', 'the store is away'],
      warnings: [],
      away: [],
    }),
  });
  expect(await get('/readyz')).toMatchObject({
    status: 503,
    body: {
      error: { code: 'unavailable', temporary: true },
      reasons: ['slot 1 is starting', 'the store is away'],
    },
  });
});

test('a host that is ready without one of several servers names it', async () => {
  await open({ readiness: async () => ({ reasons: [], warnings: [], away: ['redis2:6379'] }) });
  expect(await get('/readyz')).toEqual({
    status: 200,
    body: { ok: true, warnings: [], degraded: ['redis2:6379 is away'] },
  });
});

test('errors have the shape of all errors', async () => {
  await open({ status: () => Promise.reject(new Error('secret detail')) });
  const notFound = { code: 'not_found', message: 'no such page', temporary: false };
  expect(await get('/nothing')).toEqual({ status: 404, body: { error: notFound } });
  const failed = await get('/status');
  expect(failed).toMatchObject({ status: 500, body: { error: { code: 'internal' } } });
  expect(JSON.stringify(failed)).not.toContain('secret');
});

test('a web page cannot read it, neither by its own name for our address nor across origins', async () => {
  const { port } = await open();
  const forbidden = { status: 403, body: { error: { code: 'forbidden' } } };
  expect(await get('/status', { host: `rebound.example:${port}` })).toMatchObject(forbidden);
  expect(await get('/status', { host: '10.0.0.1' })).toMatchObject(forbidden);
  expect(await get('/status', { host: 'localhost.evil.example' })).toMatchObject(forbidden);
  expect(await get('/status', { origin: 'https://evil.example' })).toMatchObject(forbidden);
  expect(await get('/status', { origin: 'null' })).toMatchObject(forbidden);
  expect(await get('/nothing', { host: 'rebound.example' })).toMatchObject(forbidden);
});

test.each(['127.0.0.1', '0.0.0.0'])(
  'listening on %s it answers no request that names its host in two ways, or in none',
  async (host) => {
    await open({ host });
    const refused = { status: 400, body: { error: { code: 'bad_request' } } };
    for (const name of ['localhost:80\\@evil', 'evil@localhost', 'localhost/evil'])
      expect(await get('/status', { host: name })).toMatchObject(refused);
    expect(await get('http://evil/status', { host: 'localhost' })).toMatchObject(refused);
  },
);

test('programs of this machine may use any of its loopback names', async () => {
  const { port } = await open();
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, '127.1.2.3']) {
    expect((await get('/status', { host })).status).toBe(200);
  }
  expect((await get('/status', { origin: `http://localhost:${port}` })).status).toBe(200);
});

test.each(['0.0.0.0', '::', '127.0.0.1'])(
  'listening on %s it goes by the names that are its own there',
  async (host) => {
    await open({ host });
    const status = host === '127.0.0.1' ? 403 : 200;
    for (const name of ['10.0.0.1:5999', 'chat1:5999', 'chat1.example.org', 'CHAT1']) {
      expect((await get('/status', { host: name })).status).toBe(status);
      expect((await get('/status', { host: name, origin: `http://${name}` })).status).toBe(status);
      expect((await get('/status', { host: name, origin: 'https://evil.example' })).status).toBe(403);
      expect((await get('/status', { host: name, origin: 'null' })).status).toBe(403);
    }
  },
);

test('a web page cannot reload, not even one from another server of this machine', async () => {
  const { port } = await open();
  const reload = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/reload`, { method: 'POST', headers });
  for (const origin of ['http://localhost:8080', `http://127.0.0.1:${port}`, 'null'])
    expect((await reload({ origin })).status).toBe(403);
  expect((await reload({})).status).toBe(202);
});

test('GET /explain passes its query on, and refuses pages in a browser', async () => {
  const asked: unknown[] = [];
  const explain = async (query: unknown) => {
    asked.push({ ...(query as object) });
    return asked.length === 1 ? succeed({ messages: [] }) : refuse('bad_request', 'id: missing');
  };
  const { port } = await open({ explain });
  const post = (path: string, headers: Record<string, string> = {}) => ask(path, headers, { method: 'POST' });
  expect(await post('/explain?id=a%20b&user=bob')).toEqual({ status: 200, body: { messages: [] } });
  expect(asked).toEqual([{ id: 'a b', user: 'bob' }]);
  expect(await post('/explain')).toMatchObject({ status: 400, body: { error: { message: 'id: missing' } } });
  expect((await post('/explain?id=a', { origin: `http://127.0.0.1:${port}` })).status).toBe(403);
  expect(asked).toHaveLength(2);
});

test('no page reads what became of a message by a request without Origin', async () => {
  let asked = 0;
  const explain = async () => {
    asked += 1;
    return succeed({ messages: [] });
  };
  await open({ host: '0.0.0.0', explain });
  expect((await get('/explain?id=a', { host: 'rebound.example' })).status).toBe(404);
  expect(asked).toBe(0);
});

const OWN_ADDRESSES = Object.values(networkInterfaces()).flatMap((all = []) =>
  all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address),
);

test.runIf(OWN_ADDRESSES.length > 0).each(OWN_ADDRESSES.slice(0, 1))(
  'a program of this machine may ask and reload by the address %s',
  async (host) => {
    await open({ host, explain: async () => succeed({ messages: [] }) });
    expect((await ask('/explain?id=a', {}, { method: 'POST', host })).status).toBe(200);
    expect((await ask('/reload', {}, { method: 'POST', host })).status).toBe(202);
  },
);

test('an endless upload ends', async () => {
  const { port } = await open();
  const { heard, sentBytes } = await uploadWithoutEnd(port, 'POST /nowhere HTTP/1.1\r\nHost: localhost\r\n');
  expect(heard).toMatch(/^HTTP\/1\.1 404 /);
  expect(sentBytes).toBeLessThan(MOST_UPLOADED_BYTES);
});

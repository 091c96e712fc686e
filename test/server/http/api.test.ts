import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { announcementsOf, inboxOf } from '../../../src/chat/room.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApiStage, KEYS, openApiStage, type Question } from './api-stage.ts';

interface Operations {
  readonly [path: string]: { readonly [method: string]: unknown };
}

/** Every route that needs a key, with something in the place of what varies. */
async function routesOf(stage: ApiStage, headers: Record<string, string> = {}) {
  const { json } = await stage.ask('GET', '/api/v1/openapi.json', { headers });
  const routes = Object.entries(json.paths as Operations).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replace(/\{\w+\}/g, 'some')] as const),
  );
  expect(routes.length).toBeGreaterThan(10);
  return routes.filter(([method, path]) => method !== 'GET' || path !== '/api');
}

const BAD_JSON: Question = { headers: { 'content-type': 'application/json' }, body: '{' };

/** Node sends no length along with the body of these. */
const BODILESS: readonly string[] = ['GET', 'HEAD', 'DELETE', 'OPTIONS'];

type Headers = Record<string, string>;
const WRONG: readonly Headers[] = [{}, { authorization: `Bearer ${KEYS[0]}x` }, { 'x-api-key': 'x' }];

describe('the API with keys', () => {
  let stage: ApiStage;
  const key = { 'x-api-key': KEYS[1] };
  beforeAll(async () => {
    stage = await openApiStage({ keys: KEYS });
  });
  afterAll(() => stage.close());

  it('refuses every route and path without a valid key, before it reads anything else', async () => {
    const routes = await routesOf(stage, key);
    const others = [
      ['GET', '/api/v1/nothing'],
      ['GET', '/api/'],
      ['POST', '/api/nothing'],
      ['GET', '/%61pi/v1/rooms'],
      ['GET', '/api/v1/%zz'],
      ['GET', '/%61pi/%zz'],
      ['GET', `/api/${'x'.repeat(1_000)}`],
      ['HEAD', '/api/v1/rooms'],
      ['PUT', '/api'],
      ['DELETE', '/api/v1/push'],
      ['OPTIONS', '/api/v1/push'],
      ['PROPFIND', '/api/v1/rooms'],
      ['GET', '/api/v1/rooms?ns=/elsewhere'],
      ['GET', '/metrics'],
    ] as const;
    for (const [method, path] of [...routes, ...others]) {
      for (const headers of WRONG) {
        const question = BODILESS.includes(method) ? {} : BAD_JSON;
        const answer = await stage.ask(method, path, {
          ...question,
          headers: { ...question.headers, ...headers },
        });
        expect([method, path, answer.status]).toEqual([method, path, 401]);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
        if (method !== 'HEAD') {
          expect(answer.json).toMatchObject({ error: { code: 'unauthorized', temporary: false } });
        }
      }
    }
  });

  it('answers requests with a key, from anywhere, with either header', async () => {
    const right: readonly Headers[] = [
      key,
      { authorization: `Bearer ${KEYS[0]}` },
      { ...key, 'x-forwarded-for': '198.51.100.1', host: 'chat.example.org', origin: 'https://example.org' },
    ];
    for (const headers of right) {
      expect((await stage.ask('GET', '/api/v1/rooms', { headers })).status).toBe(200);
      expect((await stage.ask('GET', '/api/v1/nothing', { headers })).status).toBe(404);
      expect((await stage.ask('GET', '/metrics', { headers })).text).toBe('numbers');
    }
  });

  it('answers . at GET /api without a key', async () => {
    const { status, text, headers } = await stage.ask('GET', '/api', { headers: { via: '1.1 proxy' } });
    expect([status, text]).toEqual([200, '.']);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect((await stage.ask('HEAD', '/api')).status).toBe(200);
  });
});

describe('the API in a browser', () => {
  let stage: ApiStage;
  beforeAll(async () => {
    stage = await openApiStage();
  });
  afterAll(() => stage.close());

  it('grants no page of another site access', async () => {
    for (const [method, path] of [
      ['GET', '/api'],
      ['OPTIONS', '/api/v1/push'],
      ['GET', '/api/v1/rooms'],
    ] as const) {
      const origin = { origin: 'http://localhost:1', 'access-control-request-method': 'POST' };
      const { headers } = await stage.ask(method, path, { headers: origin });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(headers['cache-control']).toBe('no-store');
    }
  });
});

describe('the API', () => {
  let stage: ApiStage;
  beforeAll(async () => {
    stage = await openApiStage({ namespaces: ['/post', '/get'] });
  });
  afterAll(() => stage.close());

  it('announces to everybody of a namespace', async () => {
    const { status, json } = await stage.ask('POST', '/api/v1/announce?ns=/get', { body: { data: [1] } });
    expect([status, json]).toEqual([200, { id: expect.any(String), seq: 1, at: expect.any(Number) }]);
    const [stored] = stage.store.entries(announcementsOf('/get'));
    expect(JSON.parse(stored?.json ?? '')).toMatchObject({ id: json.id, kind: 'announcement', data: [1] });
    expect(stage.store.entries(announcementsOf('/post'))).toEqual([]);
    expect(stage.announced).toEqual([]);
  });

  it.each([
    ['announce', { text: 'x' }, 'data: must be given, as any JSON'],
    ['announce', { data: 1, rooms: 'tea' }, 'rooms: must be a list'],
    ['push', { user: 'ann', data: 1 }, 'users: must be given, as a list'],
    ['push', { users: ['ann'], text: 'x' }, 'data: must be given, as any JSON'],
    ['rooms/tea/messages', { message: 'x' }, 'text: must not be empty, unless data is given'],
    ['rooms/tea/messages', { text: 5 }, 'text: must be a string'],
    ['rooms/tea/messages', { text: 'x', type: 'image' }, 'type: must be a number'],
    ['rooms/tea/messages', { text: 'x', type: 70_000 }, 'type: must be at most 65535'],
    ['rooms/tea/messages', [1], 'payload: must be an object'],
    ['rooms/tea/messages', 'hello', 'payload: its Content-Type must be application/json'],
    ['rooms/tea/mute', { userId: 'ann', seconds: 0 }, 'seconds: must be at least 1'],
    ['batch', [{ method: 'GET', path: '/api/v1/rooms' }], 'payload: must be an object'],
  ])('says what to send to %s in the place of %j', async (path, body, message) => {
    const { json } = await stage.ask('POST', `/api/v1/${path}`, { body });
    expect(json).toEqual({ error: { code: 'bad_request', message, temporary: false } });
  });

  it('announces to the given rooms, once each, and never to everybody if the list is empty', async () => {
    const body = { data: { x: null }, rooms: ['A', 'B', 'A', 1] };
    const { status, json } = await stage.ask('POST', '/api/v1/announce', { body });
    expect([status, json]).toEqual([200, { id: expect.any(String), at: expect.any(Number), rooms: 3 }]);
    const { rooms, ...announcement } = json;
    expect(stage.announced).toEqual([
      { nsp: '/post', roomids: ['A', 'B', '1'], announcement: { ...announcement, data: { x: null } } },
    ]);
    for (const wrong of [[], ['a/b'], 'A', Array.from({ length: 1_001 }, (_, n) => n)]) {
      const refused = await stage.ask('POST', '/api/v1/announce', { body: { data: 1, rooms: wrong } });
      expect(refused).toMatchObject({
        status: 400,
        json: { error: { message: expect.stringMatching(/^rooms[.:]/) } },
      });
    }
    expect(stage.announced).toHaveLength(1);
    expect(stage.store.entries(announcementsOf('/post'))).toEqual([]);
  });

  it('returns a user’s connections and inbox position', async () => {
    stage.connect('Ann', 2, '/post');
    for (const data of [1, 2, 3]) await stage.ask('POST', '/api', { body: { tokens: ['Ann'], data } });
    await stage.store.inboxes.raise(inboxOf('/post', 'Ann'), { recv: 3, read: 2 });
    expect((await stage.ask('GET', '/api/v1/users/Ann')).json).toEqual({
      userId: 'Ann',
      connections: 2,
      online: true,
      inbox: { top: 3, recvSeq: 3, readSeq: 2 },
    });
    expect((await stage.ask('GET', '/api/v1/users/Ann?ns=/get')).json).toEqual({
      userId: 'Ann',
      connections: 0,
      online: false,
      inbox: { top: 0, recvSeq: 0, readSeq: 0 },
    });
    expect((await stage.ask('GET', '/api/v1/users/a%2Fb')).status).toBe(400);
  });

  it('closes a user’s connections of a namespace, with or without a body', async () => {
    stage.connect('Bob', 4, '/get');
    const type = { headers: { 'content-type': 'application/json' } };
    for (const question of [{}, type, { body: {} }, { ...type, body: '' }]) {
      const { status, json } = await stage.ask('POST', '/api/v1/users/Bob/disconnect?ns=/get', question);
      expect([status, json]).toEqual([200, { connections: 4 }]);
    }
    expect((await stage.ask('POST', '/api/v1/users/Bob/disconnect')).json).toEqual({ connections: 0 });
    expect(stage.disconnected).toEqual([
      ...Array.from({ length: 4 }, () => ({ nsp: '/get', userId: 'Bob' })),
      { nsp: '/post', userId: 'Bob' },
    ]);
  });

  it('accepts served namespaces only', async () => {
    for (const ns of ['/', '/elsewhere', 'post', '/post/']) {
      const path = `/api/v1/rooms?ns=${encodeURIComponent(ns)}`;
      expect(await stage.ask('GET', path)).toMatchObject({
        status: 404,
        json: { error: { code: 'not_found', message: expect.stringMatching(/^ns: /) } },
      });
    }
    expect((await stage.ask('GET', '/api/v1/rooms?ns=/post&ns=/get')).status).toBe(400);
    expect((await stage.ask('GET', '/api/v1/rooms?ns=/get')).status).toBe(200);
    expect((await stage.ask('GET', '/api/v1/rooms?ns=')).status).toBe(200);
  });

  it.each([
    ['a path that is none', 404, 'not_found', 'GET', '/api/v2/push', {}],
    ['such a path with a body that is none', 404, 'not_found', 'POST', '/api/v1/nothing', BAD_JSON],
    ['a path that cannot be read', 400, 'bad_request', 'GET', '/api/v1/rooms/%ff', {}],
    ['another method', 405, 'bad_request', 'GET', '/api/v1/push', {}],
    ['another method with a body that is none', 405, 'bad_request', 'PUT', '/api/v1/push', BAD_JSON],
    ['a body that is no JSON', 400, 'bad_request', 'POST', '/api/v1/push', BAD_JSON],
    ['a body of no type', 415, 'bad_request', 'POST', '/api/v1/push', { body: '{}' }],
    [
      'a body of another type',
      415,
      'bad_request',
      'POST',
      '/api/v1/push',
      { headers: { 'content-type': 'text/plain' }, body: '{}' },
    ],
    [
      'a form where none is taken',
      415,
      'bad_request',
      'POST',
      '/api/v1/push',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'users=Ann' },
    ],
  ] as const)('answers %s with %i %s', async (_what, status, code, method, path, question) => {
    const answer = await stage.ask(method, path, question);
    expect([answer.status, answer.json]).toEqual([
      status,
      { error: { code, message: expect.any(String), temporary: false } },
    ]);
    expect(answer.headers['retry-after']).toBeUndefined();
    if (status === 405) expect(answer.headers.allow).toBe('POST');
  });

  it('logs a line for each call that changes something, and nothing of what was in it', async () => {
    const secret = 'not-for-the-log';
    const ask = (method: string, path: string, question: Question = {}) =>
      stage.ask(method, path, {
        ...question,
        headers: { ...question.headers, 'x-request-id': 'each-call' },
      });
    await ask('POST', '/api?ns=/get', { body: { tokens: [secret], data: secret } });
    await ask('POST', `/api/v1/rooms/${secret}/messages`, { body: { text: secret } });
    await ask('POST', `/api/v1/users/${secret}/disconnect?ns=${secret}`, {
      headers: { 'x-api-key': secret },
    });
    await ask('POST', '/api/v1/push', { ...BAD_JSON, body: `{${secret}` });
    await ask('POST', '/api/v1/push', { headers: { 'x-api-key': secret } });
    await ask('GET', `/api/v1/users/${secret}`);
    await ask('POST', `/api/v1/${secret}`);
    await ask('PUT', '/api/v1/push');
    // A line is written when the answer has gone out, which the client may see first.
    const written = () => stage.lines.filter(({ requestId }) => requestId === 'each-call');
    const lines = await eventually(() => {
      expect(
        written().map(({ method, route, status, ns, level }) => [level, method, route, status, ns]),
      ).toEqual([
        [30, 'POST', '/api', 200, '/get'],
        [30, 'POST', '/api/v1/rooms/:roomid/messages', 200, '/post'],
        [30, 'POST', '/api/v1/users/:id/disconnect', 401, undefined],
        [30, 'POST', '/api/v1/push', 400, '/post'],
        [30, 'POST', '/api/v1/push', 401, '/post'],
      ]);
      return written();
    });
    for (const line of lines) expect(line.ms).toEqual(expect.any(Number));
    expect(JSON.stringify(lines)).not.toContain(secret);
  });
});

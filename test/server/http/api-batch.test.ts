import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { MAX_BATCH_ANSWER_BYTES } from '../../../src/protocol/limits.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApiStage, KEYS, openApiStage } from './api-stage.ts';

type Result = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

describe('a batch', () => {
  let stage: ApiStage;
  beforeAll(async () => {
    stage = await openApiStage({ keys: KEYS, maxTextBytes: 8_192 });
  });
  afterAll(() => stage.close());

  async function batch(requests: unknown, headers: Readonly<Record<string, string>> = {}) {
    const { status, json } = await stage.ask('POST', '/api/v1/batch', {
      headers: { 'x-api-key': KEYS[0], ...headers },
      body: { requests },
    });
    return { status, json, results: (json.results ?? []) as readonly Result[] };
  }
  const say = (roomid: string, text: string, more: object = {}) => ({
    method: 'POST',
    path: `/api/v1/rooms/${roomid}/messages`,
    body: { text },
    ...more,
  });
  const textsIn = (roomid: string, nsp = '/') =>
    stage.store
      .entries(roomOf(nsp, roomid))
      .map(({ json }) => (JSON.parse(json) as { data: { text: string } }).data.text);
  const refused = (code: string, message: string) => ({
    error: { code, message, temporary: false },
  });

  it('answers each request in its order, as if it came alone', async () => {
    const alone = (method: string, path: string, body?: object) =>
      stage.ask(method, path, { headers: { 'x-api-key': KEYS[0] }, ...(body && { body }) });
    const { status, results } = await batch([
      say('order', 'one'),
      say('order', ''),
      { method: 'GET', path: '/api/v1/rooms/order/messages?limit=1' },
      say('order', 'two', { path: '/api/v1/rooms/order/messages?ns=/post' }),
      { method: 'DELETE', path: '/api/v1/rooms/order/messages/9' },
      { method: 'GET', path: '/api/v1/nothing' },
      { method: 'DELETE', path: '/api/v1/push' },
      { method: 'GET', path: '/api/v1/rooms/%zz' },
      { method: 'POST', path: '/api/v1/push' },
    ]);
    expect(status).toBe(200);
    expect(results.map((result) => result.status)).toEqual([200, 400, 200, 200, 404, 404, 405, 400, 400]);
    expect(results[0]?.body).toEqual({
      roomid: 'order',
      epoch: 'e1',
      seq: 1,
      id: expect.any(String),
      at: expect.any(Number),
    });
    for (const [index, ...given] of [
      [1, 'POST', '/api/v1/rooms/order/messages', { text: '' }],
      [2, 'GET', '/api/v1/rooms/order/messages?limit=1'],
      [4, 'DELETE', '/api/v1/rooms/order/messages/9'],
      [5, 'GET', '/api/v1/nothing'],
      [6, 'DELETE', '/api/v1/push'],
      [7, 'GET', '/api/v1/rooms/%zz'],
      [8, 'POST', '/api/v1/push'],
    ] as const) {
      const answer = await alone(...(given as [string, string]), given[2]);
      expect(results[index]).toEqual({ status: answer.status, body: answer.json });
    }
    expect([textsIn('order'), textsIn('order', '/post')]).toEqual([['one'], ['two']]);
  });

  it('does nothing if one of its requests is none', async () => {
    const below = 'requests.1.path: must be a path below /api/v1/';
    for (const [wrong, message] of [
      [{ method: 'GET', path: '/metrics' }, below],
      [{ method: 'GET', path: '/api/v1/../../metrics' }, below],
      [{ method: 'GET', path: '/api/v1/%2e%2e/%2E./metrics' }, below],
      [{ method: 'GET', path: '/api/v1/..\\..\\metrics' }, below],
      [{ method: 'GET', path: 'http://127.0.0.1:5999/api/v1/rooms' }, below],
      [{ method: 'GET', path: '//other/api/v1/rooms' }, below],
      [{ method: 'POST', path: '/api' }, below],
      [{ method: 'GET' }, 'requests.1.path: '],
      [{ method: 'PUT', path: '/api/v1/rooms' }, 'requests.1.method: '],
      [say('never', 'x', { idempotencyKey: '\n' }), 'requests.1.idempotencyKey: must be 1 to 128'],
    ] as const) {
      const { status, json } = await batch([say('never', 'x'), wrong]);
      expect([wrong, status, json]).toMatchObject([
        wrong,
        400,
        { error: { code: 'bad_request', message: expect.stringContaining(message) } },
      ]);
    }
    const many = await batch(Array.from({ length: 101 }, () => say('never', 'x')));
    expect(many.json).toEqual(refused('bad_request', 'requests: must not hold more than 100 requests'));
    expect((await batch([])).json).toEqual(refused('bad_request', 'requests: must hold a request'));
    expect((await batch([say('never', 'x')], { 'x-api-key': 'wrong' })).status).toBe(401);
    expect(textsIn('never')).toEqual([]);
  });

  it('runs no batch and no stream, and takes no name of a batch from outside', async () => {
    const inner = { method: 'POST', path: '/api/v1/batch', body: { requests: [say('never', 'x')] } };
    const streams = ['rooms/never/events', 'users/never/export'].map((path) => ({
      method: 'GET',
      path: `/api/v1/${path}`,
    }));
    const { results } = await batch([inner, ...streams]);
    const body = refused('bad_request', 'path: cannot be part of a batch');
    expect(results).toEqual([
      { status: 400, body },
      { status: 400, body },
      { status: 400, body },
    ]);
    expect((await batch([say('named', 'x')], { 'roomcast-batch': 'guess' })).results[0]?.status).toBe(200);
    expect([textsIn('never'), textsIn('named')]).toEqual([[], ['x']]);
  });

  it('is done once under its key, and each request under a key of its own', async () => {
    const key = { 'idempotency-key': 'whole batch' };
    const page = { method: 'GET', path: '/api/v1/rooms/once/messages' };
    const requests = [say('once', 'one'), say('once', 'two', { idempotencyKey: 'own' }), page];
    const first = await batch(requests, key);
    const again = await batch([...requests.slice(0, 2), say('once', 'three'), page], key);
    expect(again.results.slice(0, 2)).toEqual(first.results.slice(0, 2));
    expect((await batch([requests[1]])).results).toEqual([first.results[1]]);
    expect((await batch([say('once', 'other')], key)).results[0]?.status).toBe(400);
    expect((await batch([requests[0]], { ...key, 'x-api-key': KEYS[1] })).results[0]?.status).toBe(200);
    expect(textsIn('once')).toEqual(['one', 'two', 'three', 'one']);
    expect(again.results[3]?.body.messages).toHaveLength(3);
  });

  it('stops before its answer becomes too long', async () => {
    for (let n = 0; n < 40; n += 1) await batch([say('long', 'x'.repeat(8_000))]);
    const page = { method: 'GET', path: '/api/v1/rooms/long/messages?limit=200' };
    const { results } = await batch([...Array.from({ length: 99 }, () => page), say('long', 'last')]);
    const answered = results.filter(({ status }) => status === 200);
    expect(answered.length).toBeGreaterThan(MAX_BATCH_ANSWER_BYTES / (300 * 1_024));
    expect(JSON.stringify(answered).length).toBeLessThan(MAX_BATCH_ANSWER_BYTES + 400_000);
    expect(results.slice(answered.length)).toEqual(
      Array.from({ length: 100 - answered.length }, () => ({
        status: 413,
        body: refused('too_large', 'requests: the answers are too long together; send this one again'),
      })),
    );
    expect(textsIn('long')).toHaveLength(40);
  });

  it('leaves a line of each write in the log', async () => {
    await batch([say('logged', 'x'), { method: 'GET', path: '/api/v1/rooms' }], { 'x-request-id': 'r-1' });
    // A line is written when the answer has gone out, which the client may see first.
    const written = () => stage.lines.filter(({ requestId }) => requestId === 'r-1');
    await eventually(() =>
      expect(written().map(({ route, status }) => [route, status])).toEqual([
        ['/api/v1/rooms/:roomid/messages', 200],
        ['/api/v1/batch', 200],
      ]),
    );
  });
});

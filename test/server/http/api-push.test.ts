import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inboxOf } from '../../../src/chat/room.ts';
import { type ApiStage, openApiStage } from './api-stage.ts';

describe('a push', () => {
  let stage: ApiStage;
  let names = 0;
  beforeAll(async () => {
    stage = await openApiStage();
  });
  afterAll(() => stage.close());

  function someone(): string {
    names += 1;
    return `user ${names}`;
  }
  const items = (userId: string, nsp = '/') =>
    stage.store.entries(inboxOf(nsp, userId)).map(({ json }) => JSON.parse(json) as Record<string, unknown>);

  it('is stored for each user once, and returns the connections of each', async () => {
    const [ann, bob] = [someone(), someone()];
    stage.connect(ann, 3);
    const body = {
      users: [ann, bob, ann, 7, '7'],
      entityType: 'like',
      data: { n: [1, null] },
      kind: 'remind',
      ttlS: 60,
    };
    const { status, json } = await stage.ask('POST', '/api/v1/push', { body });
    expect([status, json]).toEqual([
      200,
      {
        id: expect.any(String),
        reach: {
          [ann]: { live: 3, stored: true },
          [bob]: { live: 0, stored: true },
          7: { live: 0, stored: true },
        },
      },
    ]);
    for (const user of [ann, bob, '7']) {
      expect(items(user)).toMatchObject([
        { id: json.id, kind: 'remind', entityType: 'like', ttlS: 60, data: { n: [1, null] } },
      ]);
    }
  });

  it('reaches a user called __proto__, with data that has such a member', async () => {
    const body = '{"users":["__proto__","constructor"],"data":{"__proto__":{"x":1},"constructor":1}}';
    const headers = { 'content-type': 'application/json' };
    const { text } = await stage.ask('POST', '/api/v1/push', { headers, body });
    expect(text).toContain('"__proto__":{"live":0,"stored":true},"constructor":{"live":0,"stored":true}');
    const [stored] = stage.store.entries(inboxOf('/', '__proto__'));
    expect(stored?.json).toContain('"data":{"__proto__":{"x":1},"constructor":1}');
  });

  it('is sent once for each Idempotency-Key, which is refused for another push', async () => {
    const ann = someone();
    const headers = { 'Idempotency-Key': 'order 66, “x”'.replace(/[“”]/g, '"') };
    const ask = (data: string, more: Record<string, string> = headers) =>
      stage.ask('POST', '/api/v1/push', { headers: more, body: { users: [ann], data } });
    const [first, again] = [await ask('one'), await ask('one')];
    expect(again.json).toEqual(first.json);
    expect(items(ann)).toHaveLength(1);
    expect((await ask('other')).json).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('Idempotency-Key') },
    });
    for (const bad of ['', 'x'.repeat(129), 'é']) {
      expect(await ask('one', { 'Idempotency-Key': bad })).toMatchObject({
        status: 400,
        json: { error: { code: 'bad_request', message: expect.stringMatching(/^idempotency-key: must/) } },
      });
    }
    expect((await ask('one', { 'Idempotency-Key': 'x'.repeat(128) })).status).toBe(200);
    expect(items(ann)).toHaveLength(2);
  });

  it('has receipts, in the namespace it was sent in', async () => {
    const [ann, bob] = [someone(), '__proto__'];
    const { json } = await stage.ask('POST', '/api/v1/push?ns=/post', {
      body: { users: [ann, bob], data: 1 },
    });
    await stage.store.inboxes.raise(inboxOf('/post', ann), { sent: 1, recv: 1 });
    const asked = await stage.ask('GET', `/api/v1/push/${json.id}?ns=/post`);
    expect(Object.entries(asked.json.users as object)).toEqual([
      [
        ann,
        {
          state: 'delivered',
          queuedAt: expect.any(Number),
          sentAt: expect.any(Number),
          deliveredAt: expect.any(Number),
        },
      ],
      [bob, { state: 'queued', queuedAt: expect.any(Number) }],
    ]);
    expect([items(ann), items(ann, '/post').length]).toEqual([[], 1]);
    for (const path of [`/api/v1/push/${json.id}`, '/api/v1/push/nothing?ns=/post']) {
      expect(await stage.ask('GET', path)).toMatchObject({
        status: 404,
        json: { error: { code: 'not_found' } },
      });
    }
    expect((await stage.ask('GET', `/api/v1/push/${'x'.repeat(65)}`)).status).toBe(400);
  });

  it('accepts 1,000 users and data of four times MAX_TEXT_BYTES, in any spelling', async () => {
    const escaped = (text: string) => text.replace(/./g, () => '\\u0061');
    const users = Array.from({ length: 1_000 }, (_, n) => `"${n}${escaped('x'.repeat(124))}"`);
    const data = `"${escaped('x'.repeat(3_998))}"`;
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const body = `{"users":[${users}],"data":${data}}`;
    const { status, json } = await stage.ask('POST', '/api/v1/push', { headers, body });
    expect([status, Object.keys(json.reach as object).length]).toEqual([200, 1_000]);
  });

  it.each([
    ['users:', {}],
    ['users:', { users: [], data: 1 }],
    ['users:', { users: 'Ann', data: 1 }],
    ['users:', { users: Array.from({ length: 1_001 }, () => 'Ann'), data: 1 }],
    ['users.1:', { users: ['Ann', 'a/b'], data: 1 }],
    ['users.0:', { users: [''], data: 1 }],
    ['users.0:', { users: [2 ** 53], data: 1 }],
    ['data:', { users: ['Ann'] }],
    ['data:', { users: ['Ann'], data: JSON.parse('['.repeat(17) + ']'.repeat(17)) }],
    ['data:', { users: ['Ann'], data: { deep: ['\ud800'] } }],
    ['data:', { users: ['Ann'], data: { 'key \udfff': 1 } }],
    ['users.0:', { users: ['Ann\u3164'], data: 1 }],
    ['entityType:', { users: ['Ann'], data: 1, entityType: 'half \ud83d' }],
    ['entityType:', { users: ['Ann'], data: 1, entityType: 1 }],
    ['entityType:', { users: ['Ann'], data: 1, entityType: 'x'.repeat(257) }],
    ['kind:', { users: ['Ann'], data: 1, kind: 'private' }],
    ['ttlS:', { users: ['Ann'], data: 1, ttlS: 0 }],
    ['payload:', []],
    ['payload:', 'null '],
  ])('that is not one is refused under the name of what is wrong: %s', async (field, body) => {
    const headers = { 'content-type': 'application/json' };
    const { status, json } = await stage.ask('POST', '/api/v1/push', { headers, body });
    const wanted = body === 'null ' ? 'users:' : field;
    expect([status, json]).toEqual([
      400,
      {
        error: {
          code: 'bad_request',
          message: expect.stringMatching(new RegExp(`^${wanted} `)),
          temporary: false,
        },
      },
    ]);
  });

  it('of too much data is too_large, whatever way it is too much', async () => {
    const data = 'x'.repeat(3_999);
    for (const [path, body] of [
      ['/api/v1/push', { users: ['Ann'], data }],
      ['/api', { tokens: ['Ann'], data }],
      ['/api/v1/announce', { data }],
      ['/api/v1/push', { users: ['Ann'], data: 'x'.repeat(2_000_000) }],
    ] as const) {
      expect(await stage.ask('POST', path, { body })).toMatchObject({
        status: 413,
        json: { error: { code: 'too_large', temporary: false } },
      });
    }
  });

  it('is unavailable while the store is away, with a retry time', async () => {
    stage.store.fail(() => true);
    const answers = [
      await stage.ask('POST', '/api/v1/push', { body: { users: ['Ann'], data: 1 } }),
      await stage.ask('POST', '/api', { body: { tokens: ['Ann'], data: 1 } }),
      await stage.ask('POST', '/api/v1/announce', { body: { data: 1 } }),
      await stage.ask('POST', '/api/v1/users/Ann/disconnect'),
      await stage.ask('GET', '/api/v1/rooms/any/messages'),
    ];
    stage.store.fail(() => false);
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 503,
        json: { error: { code: 'unavailable', temporary: true } },
      });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    expect(stage.disconnected).toEqual([]);
  });
});

describe('POST /api', () => {
  let stage: ApiStage;
  const done = { responseCode: 0, data: 'OK!', id: expect.any(String) };
  const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  beforeAll(async () => {
    stage = await openApiStage();
  });
  afterAll(() => stage.close());
  const reached = (...users: string[]) =>
    Object.fromEntries(users.map((user) => [user, { live: 0, stored: true }]));
  const newest = (userId: string) => {
    const { json } = stage.store.entries(inboxOf('/', userId)).at(-1) ?? { json: '{}' };
    const { kind, entityType, data } = JSON.parse(json) as Record<string, unknown>;
    return { kind, entityType, data };
  };

  it.each([
    [{ tokens: ['1', '2'], entityType: 'like', data: { a: 1 } }, ['1', '2'], 'like', { a: 1 }],
    [{ tokens: [1, 2, '1'] }, ['1', '2'], '', {}],
    [{ tokens: 'Ann', data: null }, ['Ann'], '', null],
    [{ tokens: 8, data: [] }, ['8'], '', []],
    [{ tokens: 'Ann', entityType: null, data: '' }, ['Ann'], '', ''],
  ])('takes JSON: %j', async (body, users, entityType, data) => {
    const { status, json } = await stage.ask('POST', '/api', { body });
    expect([status, json]).toEqual([200, { ...done, reach: reached(...users) }]);
    for (const user of users) expect(newest(user)).toEqual({ kind: 'push', entityType, data });
  });

  it.each([
    ['tokens=Ann&entityType=like&data=x', ['Ann'], 'like', 'x'],
    ['tokens=Ann&tokens=Bob&data=%7B%22a%22%3A1%7D', ['Ann', 'Bob'], '', '{"a":1}'],
    ['tokens%5B%5D=Ann&tokens[]=Bob', ['Ann', 'Bob'], '', {}],
    ['tokens[0]=Ann&tokens[1]=Bob&tokens[2]=Ann', ['Ann', 'Bob'], '', {}],
    ['tokens=%E4%B8%9C+%E4%B8%9C&data=a+b', ['东 东'], '', 'a b'],
    ['tokens=__proto__&__proto__=1&tokens[x]=Carl', ['__proto__'], '', {}],
  ])('takes a form: %s', async (body, users, entityType, data) => {
    const { status, json } = await stage.ask('POST', '/api', { ...form, body });
    expect([status, Object.entries(json.reach as object)]).toEqual([200, Object.entries(reached(...users))]);
    for (const user of users) expect(newest(user)).toEqual({ kind: 'push', entityType, data });
  });

  it('without receivers succeeds, under an id of its own', async () => {
    const answers = [
      await stage.ask('POST', '/api', { body: {} }),
      await stage.ask('POST', '/api', { body: { tokens: [], data: 1 } }),
      await stage.ask('POST', '/api', { body: { tokens: null } }),
      await stage.ask('POST', '/api', { ...form, body: '' }),
      await stage.ask('POST', '/api'),
    ];
    for (const { status, json } of answers) expect([status, json]).toEqual([200, { ...done, reach: {} }]);
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(answers.length);
  });

  it('of more than 1,000 users, of invalid ids, or in another shape is refused', async () => {
    const many = Array.from({ length: 1_001 }, (_, n) => n);
    for (const question of [
      { body: { tokens: many } },
      { body: { tokens: ['a/b'] } },
      { body: { tokens: {} } },
      { body: { tokens: [''] } },
      { ...form, body: many.map((n) => `tokens=${n}`).join('&') },
      { ...form, body: 'tokens='.repeat(1) },
    ]) {
      expect(await stage.ask('POST', '/api', question)).toMatchObject({
        status: 400,
        json: { error: { code: 'bad_request', message: expect.stringMatching(/^tokens(\.\d+)?: must/) } },
      });
    }
  });

  it('of the largest body crashes no worker', async () => {
    const json = { 'content-type': 'application/json' };
    for (const [wanted, headers, body] of [
      [400, form.headers, 'tokens&'.repeat(120_000)],
      [400, form.headers, Array.from({ length: 50_000 }, (_, n) => `tokens[${n}]=`).join('&')],
      [200, form.headers, '%'.repeat(860_000)],
      [400, json, `{"tokens":[${'1,'.repeat(400_000)}1]}`],
      [400, json, `{"data":${'['.repeat(400_000)}${']'.repeat(400_000)}}`],
      [413, form.headers, '%'.repeat(900_000)],
    ] as const) {
      const { status } = await stage.ask('POST', '/api', { headers, body });
      expect([body.length, status]).toEqual([body.length, wanted]);
    }
    expect((await stage.ask('GET', '/api')).text).toBe('.');
  });
});

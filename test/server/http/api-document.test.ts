import { METHODS } from 'node:http';
import { Validator } from '@seriousme/openapi-schema-validator';
import { type FastifyInstance, fastify } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { createApiAuthenticator } from '../../../src/server/auth/api-keys.ts';
import { API_PREFIX, createApi } from '../../../src/server/http/api-plugin.ts';
import { type Answer, type ApiStage, KEYS, openApiStage } from './api-stage.ts';
import { describedBy } from './described.ts';

interface Operation {
  readonly operationId: string;
  readonly security?: unknown;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly security: unknown;
  readonly info: unknown;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** `GET /api/v1/rooms/:roomid` for everything the document names. */
function describedIn({ paths }: Document): string[] {
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    )
    .sort();
}

describe('the OpenAPI document', () => {
  let stage: ApiStage;
  let document: Document;
  let app: FastifyInstance;
  const served = new Map<string, boolean>();

  beforeAll(async () => {
    stage = await openApiStage();
    document = (await stage.ask('GET', '/api/v1/openapi.json')).json as unknown as Document;
    app = fastify();
    app.addHook('onRoute', ({ method, url, config }) => {
      // Node 20.19 has no QUERY: its parser answers 400 before a route is looked for.
      const known = [method].flat().filter((one) => METHODS.includes(one));
      for (const one of known) served.set(`${one} ${url}`, config?.apiRoute !== undefined);
    });
    const { context } = stage;
    const api = {
      gate: createApiAuthenticator(KEYS, { waitMs: () => 0, count: () => undefined }),
      tokenGate: { identify: async () => undefined },
      namespaces: ['/'],
      version: '1',
      context,
      log: pino({ enabled: false }),
    };
    await app.register(createApi(api), { prefix: API_PREFIX });
    await app.ready();
  });
  afterAll(async () => {
    await app.close();
    await stage.close();
  });

  it('is a valid one of 3.0, of this version', async () => {
    const validator = new Validator();
    const { errors, valid } = await validator.validate(structuredClone(document) as never);
    expect(errors).toBeUndefined();
    expect([valid, validator.version]).toEqual([true, '3.0']);
    expect(document.info).toMatchObject({ version: '1.2.3' });
  });

  it('lists exactly the served routes: each path with each method, HEAD together with GET', () => {
    const described = describedIn(document);
    expect(described.length).toBeGreaterThan(10);
    const heads = described.filter((one) => one.startsWith('GET ')).map((one) => one.replace('GET', 'HEAD'));
    const answered = [...served].filter(([, isRoute]) => isRoute).map(([name]) => name);
    expect(answered.sort()).toEqual([...described, ...heads].sort());
  });

  it('answers any other method of a path with 405 and the allowed ones', async () => {
    const described = describedIn(document);
    const refused = [...served].filter(([, isRoute]) => !isRoute).map(([name]) => name);
    expect(refused.length).toBeGreaterThan(described.length);
    for (const name of refused) {
      const [method = '', path = ''] = name.split(' ');
      const { status, headers, json } = await stage.ask(method, path.replace(/:\w+/g, 'some'));
      const allowed = described.filter((one) => one.endsWith(` ${path}`)).map((one) => one.split(' ')[0]);
      expect([name, status]).toEqual([name, 405]);
      expect(
        headers.allow
          ?.split(', ')
          .filter((one) => one !== 'HEAD')
          .sort(),
      ).toEqual(allowed.sort());
      if (method !== 'HEAD') expect(json).toMatchObject({ error: { code: 'bad_request' } });
    }
  });

  it('says which fields a request has, and where', () => {
    const push = document.paths['/api/v1/push']?.post;
    expect(push?.parameters?.map(({ name, in: place, required }) => [name, place, required])).toEqual([
      ['Idempotency-Key', 'header', false],
      ['ns', 'query', false],
    ]);
    expect(push?.requestBody).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/PushRequest' } } },
    });
    expect(document.components.schemas.PushRequest).toMatchObject({
      required: ['users', 'data'],
      properties: {
        users: { type: 'array', minItems: 1, maxItems: 1_000, items: { type: 'string' } },
        kind: { enum: ['push', 'announcement', 'remind'], default: 'push' },
      },
    });
    expect(Object.keys(document.paths['/api']?.post?.requestBody?.content ?? {})).toEqual([
      'application/json',
      'application/x-www-form-urlencoded',
    ]);
    const history = document.paths['/api/v1/rooms/{roomid}/messages']?.get;
    expect(history?.parameters).toMatchObject([
      { name: 'roomid', in: 'path', required: true },
      { name: 'before', in: 'query', required: false },
      { name: 'after', in: 'query', required: false },
      { name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } },
      { name: 'ns' },
    ]);
  });

  it('names what generators of clients make classes of: bodies, answers and entries', () => {
    const { schemas } = document.components;
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { operationId, requestBody, responses } of operations) {
      const contents = [requestBody?.content, responses[200]?.content].map(
        (content) => content?.['application/json']?.schema,
      );
      for (const schema of contents.filter((one) => one !== undefined))
        expect([operationId, schema]).toEqual([operationId, { $ref: expect.any(String) }]);
    }
    expect(schemas.GetMessagesAnswer).toMatchObject({
      properties: { messages: { items: { $ref: '#/components/schemas/RoomEntry' } } },
    });
    expect(schemas.RoomEntry).toEqual({
      oneOf: ['Message', 'Edit', 'Deletion', 'Reaction'].map((name) => ({
        $ref: `#/components/schemas/${name}`,
      })),
      discriminator: {
        propertyName: 'event',
        mapping: { broadcast_say: 'Message', edited: 'Edit', deleted: 'Deletion', reacted: 'Reaction' },
      },
    });
    // A time does not fit into 32 bits.
    expect(schemas.StoredEntry).toMatchObject({
      properties: { at: { type: 'integer', format: 'int64' } },
    });
  });

  it('asks for a key everywhere but at GET /api, and takes a token for the event stream', () => {
    expect(document.security).toEqual([{ bearer: [] }, { key: [] }]);
    for (const methods of Object.values(document.paths)) {
      for (const operation of Object.values(methods)) {
        const { operationId, security } = operation;
        if (operationId === 'streamEvents')
          expect(security).toEqual([{ bearer: [] }, { key: [] }, { token: [] }, { cookie: [] }]);
        else expect(security).toEqual(operationId === 'probe' ? [] : undefined);
      }
    }
  });

  /** Against the document's schema, where nothing that it does not name may be either. */
  function expectAsDescribed({ status, headers, json }: Answer, schema: object): void {
    expect(headers['content-type']).toMatch(/^application\/json\b/);
    const components = closed(document.components.schemas) as Document['components']['schemas'];
    const { error } = describedBy(closed(schema), components).safeParse(json);
    expect([status, error?.issues ?? []]).toEqual([status, []]);
  }

  it('describes the real answers', async () => {
    const { context, store, roster } = stage;
    const room = roomOf('/', 'Raum 1');
    for (const userId of ['Ann', 'Bob', 'Carl'])
      roster.enter(room, { userId, username: userId, avatar: '1.jpg' });
    roster.enter(roomOf('/', 'Raum 2'), { userId: 'Ann', username: 'Ann' });
    stage.connect('Ann', 2);
    const pushed = await context.pushService.push({
      nsp: '/',
      users: ['Ann', 'Bob'],
      entityType: '',
      kind: 'push',
      json: '1',
    });
    await store.inboxes.raise(inboxOf('/', 'Ann'), { sent: 1, read: 1 });
    const id = pushed.ok ? pushed.value.id : '';
    const say = { text: 'Hi', from: { userId: 'Ann', avatar: '1.jpg' }, clientMsgId: 'c1', type: 3 };
    const requests: [operation: string, method: string, path: string, body?: unknown][] = [
      ['plainPush', 'POST', '/api', { tokens: ['Ann', 7], entityType: 'like', data: [1] }],
      ['plainPush', 'POST', '/api', {}],
      ['push', 'POST', '/api/v1/push', { users: ['Ann', '__proto__'], data: null }],
      ['getPush', 'GET', `/api/v1/push/${id}`],
      ['say', 'POST', '/api/v1/rooms/Raum%201/messages', say],
      ['say', 'POST', '/api/v1/rooms/Raum%201/messages', say],
      ['getMessages', 'GET', '/api/v1/rooms/Raum%201/messages'],
      ['say', 'POST', '/api/v1/rooms/Raum%201/messages', { data: [1], replyTo: 1, mentions: ['Bob', 7] }],
      ['editMessage', 'PATCH', '/api/v1/rooms/Raum%201/messages/1', { text: 'Ho', data: { a: null } }],
      [
        'reactToMessage',
        'POST',
        '/api/v1/rooms/Raum%201/messages/1/reactions',
        { reaction: '👍', from: 'Bot' },
      ],
      ['reactToMessage', 'POST', '/api/v1/rooms/Raum%201/messages/1/reactions', { reaction: '👍' }],
      ['getMessages', 'GET', '/api/v1/rooms/Raum%201/messages'],
      ['getMessages', 'GET', '/api/v1/rooms/nobody/messages?limit=1'],
      ['announce', 'POST', '/api/v1/announce', { data: 'x' }],
      ['announce', 'POST', '/api/v1/announce', { data: 'x', rooms: ['Raum 1'] }],
      ['batch', 'POST', '/api/v1/batch', { requests: [{ method: 'GET', path: '/api/v1/rooms' }] }],
      ['listRooms', 'GET', '/api/v1/rooms'],
      ['listRooms', 'GET', '/api/v1/rooms?limit=1'],
      ['listRooms', 'GET', '/api/v1/rooms?all=1'],
      ['listRooms', 'GET', '/api/v1/rooms?all=1&after=!'],
      ['getRoom', 'GET', '/api/v1/rooms/Raum%201'],
      ['getRoom', 'GET', '/api/v1/rooms/nobody'],
      ['listMembers', 'GET', '/api/v1/rooms/Raum%201/members?limit=2'],
      ['getUser', 'GET', '/api/v1/users/Ann'],
      ['disconnectUser', 'POST', '/api/v1/users/Ann/disconnect'],
      ['deleteMessage', 'DELETE', '/api/v1/rooms/Raum%201/messages/1'],
      ['getMessages', 'GET', '/api/v1/rooms/Raum%201/messages'],
      ['kickUser', 'POST', '/api/v1/rooms/Raum%201/kick', { userId: 'Bob' }],
      ['banUser', 'POST', '/api/v1/rooms/Raum%201/ban', { userId: 'Bob', seconds: 60 }],
      ['unbanUser', 'DELETE', '/api/v1/rooms/Raum%201/ban/Bob'],
      ['muteUser', 'POST', '/api/v1/rooms/Raum%201/mute', { userId: 'Bob' }],
      ['unmuteUser', 'DELETE', '/api/v1/rooms/Raum%201/mute/Bob'],
      ['banUserEverywhere', 'POST', '/api/v1/users/Eve/ban', { seconds: 60 }],
      ['banUserEverywhere', 'POST', '/api/v1/users/Eve/ban', {}],
      ['unbanUserEverywhere', 'DELETE', '/api/v1/users/Eve/ban'],
      ['revokeTokens', 'POST', '/api/v1/users/Eve/revoke', {}],
      ['revokeTokens', 'POST', '/api/v1/users/Eve/revoke', { jti: 'x' }],
      ['eraseUser', 'DELETE', '/api/v1/users/Ann'],
      ['getOpenApi', 'GET', '/api/v1/openapi.json'],
    ];
    const operations = new Map(
      Object.values(document.paths)
        .flatMap((methods) => Object.values(methods))
        .map((operation) => [operation.operationId, operation]),
    );
    for (const [operationId, method, path, body] of requests) {
      const answer = await stage.ask(method, path, { body });
      expect([operationId, answer.status, answer.text]).toEqual([operationId, 200, answer.text]);
      const content = operations.get(operationId)?.responses[200]?.content['application/json'];
      expectAsDescribed(answer, content?.schema ?? { not: {} });
    }
    const asked = new Set(requests.map(([operationId]) => operationId));
    // None of them answers one JSON text.
    expect([...operations.keys()].filter((operationId) => !asked.has(operationId))).toEqual([
      'probe',
      'streamEvents',
      'exportUser',
    ]);
  });

  it('describes the refusals', async () => {
    const schema = { $ref: '#/components/schemas/Error' };
    for (const [method, path, body] of [
      ['GET', '/api/v1/nothing'],
      ['GET', '/api/v1/rooms?limit=0'],
      ['GET', '/api/v1/push/nothing'],
      ['POST', '/api/v1/push', '{'],
      ['DELETE', '/api/v1/push'],
      ['GET', '/api/v1/rooms?ns=/elsewhere'],
      ['GET', '/api/v1/%zz'],
    ] as const) {
      const answer = await stage.ask(method, path, {
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expectAsDescribed(answer, schema);
    }
    stage.store.fail(() => true);
    const away = await stage.ask('GET', '/api/v1/users/Ann');
    stage.store.fail(() => false);
    expect(away.status).toBe(503);
    expectAsDescribed(away, schema);
  });
});

/** The same schema with `additionalProperties: false` wherever it names properties and does not say otherwise. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return 'properties' in inner && !('additionalProperties' in inner)
    ? { ...inner, additionalProperties: false }
    : inner;
}
